# SPDX-License-Identifier: Apache-2.0
"""Sealing: how secrets leave their vault, encrypted, and come back (AES-256-GCM); authenticity of what is stored beside them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

from secmod._native import ffi, lib
from secmod.crypto.curves import CURVES
from secmod.crypto.keys import PrivateKey
from secmod.crypto.password import Password
from secmod.crypto.results import failure
from secmod.crypto.secret import Secret

if TYPE_CHECKING:
    from secmod.crypto.vault import Vault

SALT_BYTES: int = lib.SECMOD_STORE_SALT
TAG_BYTES: int = lib.SECMOD_STORE_TAG

_CURVES = tuple(CURVES.values())


class StoreKey(Secret):
    """A key of 32 bytes, in a vault, under which a store keeps secrets of the same vault.

    `context` is bytes of the caller's that say what is stored, and where (at most 65536): what was sealed, wrapped or tagged
    with one context is refused with another, by SealError, as it is under another key or if any bit differs.
    """

    __slots__ = ()

    @classmethod
    def make(cls, vault: Any, work: Callable[..., int], *arguments: Any) -> Self:
        """The store key that a function of the core puts into the vault; CryptoError or its children if it refuses."""
        handle = ffi.new("uint64_t *")
        if code := work(vault, *arguments, handle):
            raise failure(code, "store key")
        return cls(vault, handle[0])

    def seal(self, secret: PrivateKey | Password, context: bytes) -> bytes:
        """The secret, encrypted and authenticated; the length tells its kind and curve, and not how long a password is."""
        return self._sealed(lib.secmod_seal, secret.handle, context, len(context))

    def unseal(self, blob: bytes, context: bytes) -> PrivateKey | Password:
        """The secret that was sealed, in this key's vault; the public point of a private key is computed anew."""
        out = ffi.new("struct secmod_unsealed *")
        if code := lib.secmod_unseal(self.vault, self.handle, blob, len(blob), context, len(context), out):
            raise failure(code, "sealed secret")
        if out.kind == lib.SECMOD_SEALED_PASSWORD:
            return Password(self.vault, out.handle, out.length)
        return PrivateKey(self.vault, out.handle, _CURVES[out.curve])

    def wrap(self, other: StoreKey, context: bytes) -> bytes:
        """Another store key of the same vault, encrypted and authenticated."""
        return self._sealed(lib.secmod_wrap, other.handle, context, len(context))

    def unwrap(self, blob: bytes, context: bytes) -> StoreKey:
        """The store key that was wrapped, in this key's vault."""
        return StoreKey.make(self.vault, lib.secmod_unwrap, self.handle, blob, len(blob), context, len(context))

    def reseal(self, blob: bytes, context: bytes, new_key: StoreKey, new_context: bytes) -> bytes:
        """What is sealed or wrapped under this key, under another key of the same vault and with another context."""
        return self._sealed(
            lib.secmod_reseal, blob, len(blob), context, len(context), new_key.handle, new_context, len(new_context)
        )

    def tag(self, data: bytes, context: bytes) -> bytes:
        """32 bytes that authenticate data, which stay readable, and context (HMAC-SHA-256)."""
        tag = ffi.new("uint8_t[]", TAG_BYTES)
        if code := lib.secmod_store_tag(self.vault, self.handle, data, len(data), context, len(context), tag):
            raise failure(code, "tag")
        return bytes(ffi.buffer(tag))

    def check(self, tag: bytes, data: bytes, context: bytes) -> None:
        """Raise SealError unless the tag is that of these data with this context."""
        if len(tag) != TAG_BYTES:
            raise failure(lib.SECMOD_E_SEAL, "tag")
        if code := lib.secmod_store_check(self.vault, self.handle, tag, data, len(data), context, len(context)):
            raise failure(code, "tag")

    def copy_to(self, vault: Vault) -> StoreKey:
        """The same key in another `Vault`; it goes from C to C."""
        handle = ffi.new("uint64_t *")
        if code := lib.secmod_store_key_copy(self.vault, self.handle, vault.core, handle):
            raise failure(code, "store key")
        return StoreKey(vault.core, handle[0])

    def _sealed(self, work: Callable[..., int], *arguments: Any) -> bytes:
        blob, length = ffi.new("uint8_t[]", lib.SECMOD_MAX_SEALED), ffi.new("size_t *", lib.SECMOD_MAX_SEALED)
        if code := work(self.vault, self.handle, *arguments, blob, length):
            raise failure(code, "sealed secret")
        return bytes(ffi.buffer(blob, length[0]))


__all__ = ["SALT_BYTES", "TAG_BYTES", "StoreKey"]
