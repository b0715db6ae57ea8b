# SPDX-License-Identifier: Apache-2.0
"""What all secrets of a vault have in common, seen from outside."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NoReturn

from secmod._native import ffi, lib


class Secret:
    """A secret that lives in a vault: an opaque handle, wiped by `release`, or when nothing refers to it.

    `vault` and `handle` are what the core knows it by; they give nothing away.
    """

    __slots__ = ("__weakref__", "handle", "vault")

    def __init__(self, vault: Any, handle: int) -> None:
        self.vault = vault
        self.handle = handle

    def release(self) -> None:
        """The secret is wiped from its vault; nothing happens if it was before."""
        lib.secmod_secret_release(self.vault, self.handle)

    def __del__(self) -> None:
        if hasattr(self, "handle"):
            lib.secmod_secret_release(self.vault, self.handle)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not copied or pickled: it does not leave its vault")


@dataclass(frozen=True, slots=True)
class SecretMemory:
    """The pages of this process that are set aside for secrets: bytes, those of them that are never swapped out (the limit of
    locked memory allows so many), and whether core dumps have them.
    """

    size: int
    locked: int
    dumped: bool


def secret_memory() -> SecretMemory:
    """How the memory of secrets is protected now; it grows with what lives in vaults."""
    out = ffi.new("struct secmod_secret_memory *")
    lib.secmod_secret_memory(out)
    return SecretMemory(int(out.bytes), int(out.locked), bool(out.dumped))


__all__ = ["Secret", "SecretMemory", "secret_memory"]
