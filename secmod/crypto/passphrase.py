# SPDX-License-Identifier: Apache-2.0
"""What a passphrase costs whoever tries many: scrypt (RFC 7914), of which N = 2^log2_n is chosen for the machine."""

from __future__ import annotations

import time
from itertools import count

from secmod.crypto.store_key import SALT_BYTES
from secmod.crypto.vault import Vault

LEAST_LOG2_N = 15
MOST_LOG2_N = 19  # with r = 8 that is half a GiB of memory


def scrypt_cost(milliseconds: float = 100) -> int:
    """The smallest log2_n from 15 to 19 with which a key takes at least that long here, with r = 8 and p = 1."""
    with Vault() as vault:
        for log2_n in count(LEAST_LOG2_N):
            begin = time.perf_counter()
            vault.store_key_from_passphrase(b"how long", bytes(SALT_BYTES), log2_n)
            if log2_n == MOST_LOG2_N or time.perf_counter() - begin >= milliseconds / 1000:
                break
    return log2_n


__all__ = ["LEAST_LOG2_N", "MOST_LOG2_N", "scrypt_cost"]
