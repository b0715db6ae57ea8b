# SPDX-License-Identifier: Apache-2.0
"""Passwords (PIN, PUK) as opaque handles: they can be compared with and used for PACE, and never be read."""

from __future__ import annotations

from typing import Any, Self

from secmod._native import ffi, lib
from secmod.crypto.results import failure
from secmod.crypto.secret import Secret

MAX_PASSWORD: int = lib.SECMOD_MAX_PASSWORD


class Password(Secret):
    """A password of 1 to 32 bytes, as the key derivation takes it (the digits of a PIN in ASCII); `length` is public."""

    __slots__ = ("length",)

    def __init__(self, vault: Any, handle: int, length: int) -> None:
        super().__init__(vault, handle)
        self.length = length

    @classmethod
    def store(cls, vault: Any, value: bytes | memoryview) -> Self:
        """The value, kept in the vault; CryptoError for another length than 1 to 32."""
        handle = ffi.new("uint64_t *")
        if code := lib.secmod_password_store(vault, ffi.from_buffer(value), len(value), handle):
            raise failure(code, "password")
        return cls(vault, handle[0], len(value))

    def matches(self, value: bytes | memoryview) -> bool:
        """Whether the value is the password; how long this takes does not depend on where they differ, or in what length."""
        code = lib.secmod_password_compare(self.vault, self.handle, ffi.from_buffer(value), len(value))
        if code not in (lib.SECMOD_OK, lib.SECMOD_E_MISMATCH):
            raise failure(code, "password")
        return bool(code == lib.SECMOD_OK)


__all__ = ["MAX_PASSWORD", "Password"]
