# SPDX-License-Identifier: Apache-2.0
"""How fast the core must be: for each operation and curve a rate, × OpenSSL's libcrypto of the same run.

`limit` is what must be reached, `stretch` what would be better still.  Those for the NIST curves are half of what Botan 3, which
Debian 12 does not have, reaches: 21,922 signatures, 9,932 verifications, 7,623 agreements and 30,727 key pairs on P-256, where
OpenSSL made 40,287, 12,920, 16,766 and 69,788; on P-384, where OpenSSL has no assembly either, the
ratios of brainpoolP384r1 are taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Gate:
    """A rate to reach, as a multiple of the peer's."""

    limit: float
    stretch: float | None = None


PORTABLE_SHARE: Final = 0.7  # of the gates, for portable C

_SINGLE: Final = {
    "brainpoolP256r1": {
        "sign": Gate(18, 28),
        "key pair": Gate(20, 35),
        "ECDH": Gate(3.6, 5.5),
        "verify, new key": Gate(4, 6),
        "verify": Gate(10, 14),
    },
    "brainpoolP384r1": {
        "sign": Gate(15),
        "key pair": Gate(16),
        "ECDH": Gate(3),
        "verify, new key": Gate(2.8),
        "verify": Gate(8),
    },
    "brainpoolP512r1": {
        "sign": Gate(12),
        "key pair": Gate(13),
        "ECDH": Gate(2.4),
        "verify, new key": Gate(2),
        "verify": Gate(6),
    },
    "secp256r1": {
        "sign": Gate(0.27),
        "key pair": Gate(0.22),
        "ECDH": Gate(0.23),
        "verify, new key": Gate(0.38),
    },
    "secp384r1": {
        "sign": Gate(2.65),
        "key pair": Gate(3.4),
        "ECDH": Gate(0.8),
        "verify, new key": Gate(0.97),
    },
}
_BATCH: Final = {
    "brainpoolP256r1": {"sign": Gate(70, 90), "verify, new key": Gate(16, 21), "ECDH": Gate(17, 22)},
    "brainpoolP384r1": {"sign": Gate(65), "verify, new key": Gate(11), "ECDH": Gate(13)},
    "brainpoolP512r1": {"sign": Gate(40), "verify, new key": Gate(8), "ECDH": Gate(11)},
}
RANDOM: Final = Gate(2)  # 32 bytes in half the time of RAND_bytes


def gate(operation: str, curve: str, *, portable: bool = False) -> Gate | None:
    """For one operation at a time."""
    found = _SINGLE.get(curve, {}).get(operation)
    return Gate(found.limit * PORTABLE_SHARE) if found and portable else found


def batch_gate(operation: str, curve: str) -> Gate | None:
    """For one operation of a batch of eight."""
    return _BATCH.get(curve, {}).get(operation)


__all__ = ["RANDOM", "Gate", "batch_gate", "gate"]
