# SPDX-License-Identifier: Apache-2.0
"""SHA-2 (FIPS 180-4)."""

from __future__ import annotations

from secmod._native import ffi, lib
from secmod.crypto.results import failure


def _hash(algorithm: int, length: int, data: bytes) -> bytes:
    digest = ffi.new("uint8_t[]", length)
    if code := lib.secmod_hash(algorithm, data, len(data), digest):
        raise failure(code)
    return bytes(ffi.buffer(digest))


def sha256(data: bytes) -> bytes:
    """The SHA-256 of `data`, 32 bytes."""
    return _hash(lib.SECMOD_SHA256, 32, data)


def sha384(data: bytes) -> bytes:
    """The SHA-384 of `data`, 48 bytes."""
    return _hash(lib.SECMOD_SHA384, 48, data)


def sha512(data: bytes) -> bytes:
    """The SHA-512 of `data`, 64 bytes."""
    return _hash(lib.SECMOD_SHA512, 64, data)


__all__ = ["sha256", "sha384", "sha512"]
