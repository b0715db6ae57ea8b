# SPDX-License-Identifier: Apache-2.0
"""Private keys as opaque handles: the scalar is in the vault, Python can only ask it to work."""

from __future__ import annotations

from typing import Any

from secmod._native import ffi, lib
from secmod.crypto.curves import Curve
from secmod.crypto.results import failure
from secmod.crypto.secret import Secret


class PrivateKey(Secret):
    """A private key in a vault, with its `curve` and `public_point` (04 X Y); wiped by `release`, or when nothing refers to it.

    Any thread may use it.  After `release`, or after its vault was cleared, working with it raises HandleError.
    """

    __slots__ = ("_spare", "curve", "public_point")

    def __init__(self, vault: Any, handle: int, curve: Curve, point: bytes | None = None) -> None:
        super().__init__(vault, handle)
        # Result buffers not in use: popping one is atomic, so threads never share a buffer, and one thread always reuses its own.
        self._spare: list[tuple[Any, Any, Any]] = []
        self.curve = curve
        self.public_point = self._ask_point() if point is None else point

    def _ask_point(self) -> bytes:
        size = self.curve.point_bytes
        point, length = ffi.new("uint8_t[]", size), ffi.new("size_t *", size)
        if code := lib.secmod_key_public(self.vault, self.handle, point, length):
            raise failure(code)
        return bytes(ffi.buffer(point))

    def sign(self, digest: bytes) -> bytes:
        """The ECDSA signature r || s of a hash of 1 to 64 bytes, cut on the right to the length of n (TR-03111 clause 4.2.1)."""
        try:
            buffers = self._spare.pop()
        except IndexError:
            size = self.curve.signature_bytes
            signature = ffi.new("uint8_t[]", size)
            buffers = signature, ffi.new("size_t *", size), ffi.buffer(signature, size)
        signature, length, view = buffers
        if code := lib.secmod_ecdsa_sign(self.vault, self.handle, digest, len(digest), signature, length):
            raise failure(code)
        result: bytes = view[:]
        self._spare.append(buffers)
        return result

    def agree(self, point: bytes) -> bytes:
        """The shared value Z (ECKA, TR-03111 clause 4.3.1), field_bytes long; PointError if the other's point is bad."""
        size = self.curve.field_bytes
        z, length = ffi.new("uint8_t[]", size), ffi.new("size_t *", size)
        if code := lib.secmod_ecka_agree(self.vault, self.handle, point, len(point), z, length):
            raise failure(code)
        shared = bytes(ffi.buffer(z))
        lib.secmod_wipe(z, size)
        return shared

    def __repr__(self) -> str:
        return f"PrivateKey({self.curve.name})"


__all__ = ["PrivateKey"]
