# SPDX-License-Identifier: Apache-2.0
"""The PACE protocols with ECDH, generic mapping and AES (BSI TR-03110-3 A.1.1.1), with curves as in TR-03116-3 clause 10."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from secmod.crypto import Curve, by_name

ID_PACE_ECDH_GM = bytes.fromhex("04007F000702020402")
"""0.4.0.127.0.7.2.2.4.2, value octets; one more arc names the cipher."""


@dataclass(frozen=True, slots=True)
class Suite:
    """A PACE protocol with its domain parameters.

    `oid` are the value octets of its identifier, `key_bytes` the length of AES keys, `domain` the standardised domain parameter
    identifier (TR-03110-3 A.2.1.1).
    """

    oid: bytes
    name: str
    curve: Curve
    domain: int
    key_bytes: int


_TABLE = (
    Suite(ID_PACE_ECDH_GM + b"\x02", "id-PACE-ECDH-GM-AES-CBC-CMAC-128", by_name("brainpoolP256r1"), 13, 16),
    Suite(ID_PACE_ECDH_GM + b"\x03", "id-PACE-ECDH-GM-AES-CBC-CMAC-192", by_name("brainpoolP384r1"), 16, 24),
    Suite(ID_PACE_ECDH_GM + b"\x04", "id-PACE-ECDH-GM-AES-CBC-CMAC-256", by_name("brainpoolP512r1"), 17, 32),
)

SUITES: Mapping[bytes, Suite] = MappingProxyType({suite.oid: suite for suite in _TABLE})
"""By identifier."""

__all__ = ["ID_PACE_ECDH_GM", "SUITES", "Suite"]
