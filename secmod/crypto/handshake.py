# SPDX-License-Identifier: Apache-2.0
"""The cryptography of PACE with generic mapping (BSI TR-03110-3), one call per value that is made or received.

Nonce, ephemeral keys and session keys stay in the vault.  The order of the calls is that of the methods; `secmod.pace` knows what
they mean in the dialogue.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Self

from secmod._native import ffi, lib
from secmod.crypto.curves import Curve
from secmod.crypto.password import Password
from secmod.crypto.results import failure
from secmod.crypto.secret import Secret
from secmod.errors import CryptoError, MismatchError

NONCE_BYTES = 16
TOKEN_BYTES = 8
SSC_BYTES = 16


class HandshakeEnd(IntEnum):
    """Whose end of the handshake it is."""

    CARD = lib.SECMOD_PACE_CARD
    HOST = lib.SECMOD_PACE_HOST


class Injection(IntEnum):
    """What a known-answer test may give instead of a random value."""

    NONCE = lib.SECMOD_PACE_INJECT_NONCE
    MAP = lib.SECMOD_PACE_INJECT_MAP
    AGREE = lib.SECMOD_PACE_INJECT_AGREE


class SessionKeys(Secret):
    """The keys of a secure messaging session and its counter; `secmod.securemessaging.Session` works with them."""

    __slots__ = ()

    @classmethod
    def load(cls, vault: Any, enc: bytes, mac: bytes, ssc: bytes) -> Self:
        """Known keys of 16, 24 or 32 bytes and a known counter of 16 bytes, for known-answer tests."""
        if len(enc) != len(mac) or len(ssc) != SSC_BYTES:
            raise CryptoError("session keys have one length, and the counter has 16 bytes")
        handle = ffi.new("uint64_t *")
        if code := lib.secmod_session_import(vault, enc, mac, len(enc), ssc, handle):
            raise failure(code, "session keys")
        return cls(vault, handle[0])


class Handshake(Secret):
    """One run of PACE at one end.

    Any error wipes it: a point that is not on the curve (PointError), a public key that is our own or a wrong token
    (MismatchError), a call out of order (StateError).  Calls after that raise HandleError.
    """

    __slots__ = ("_curve",)

    def __init__(self, vault: Any, handle: int, curve: Curve) -> None:
        super().__init__(vault, handle)
        self._curve = curve

    @classmethod
    def begin(  # noqa: PLR0913, PLR0917  (these make up a protocol and its password)
        cls, vault: Any, end: HandshakeEnd, curve: Curve, key_bytes: int, oid: bytes, password: Password
    ) -> Self:
        """A run of the protocol with this identifier (value octets) and keys of 16, 24 or 32 bytes."""
        handle = ffi.new("uint64_t *")
        if code := lib.secmod_pace_new(vault, end, curve.index, key_bytes, oid, len(oid), password.handle, handle):
            raise failure(code)
        return cls(vault, handle[0], curve)

    def nonce(self) -> bytes:
        """Card: a fresh nonce, encrypted under the key made of the password; 16 bytes."""
        z = ffi.new("uint8_t[]", NONCE_BYTES)
        self._check(lib.secmod_pace_nonce(self.vault, self.handle, z))
        return bytes(ffi.buffer(z))

    def set_nonce(self, z: bytes) -> None:
        """Host: takes the card's encrypted nonce."""
        if len(z) != NONCE_BYTES:
            self.release()
            raise CryptoError(f"an encrypted nonce has {NONCE_BYTES} bytes, not {len(z)}")
        self._check(lib.secmod_pace_set_nonce(self.vault, self.handle, z))

    def map_key(self) -> bytes:
        """The own public key for the mapping, 04 X Y."""
        return self._point(lib.secmod_pace_map_key)

    def map(self, point: bytes) -> None:
        """Takes the other end's key for the mapping; both have the mapped generator then."""
        self._check(lib.secmod_pace_map(self.vault, self.handle, point, len(point)))

    def agree_key(self) -> bytes:
        """The own public key over the mapped generator, 04 X Y."""
        return self._point(lib.secmod_pace_agree_key)

    def agree(self, point: bytes) -> None:
        """Takes the other end's key over the mapped generator; both have the session keys then."""
        self._check(lib.secmod_pace_agree(self.vault, self.handle, point, len(point)))

    def token(self) -> bytes:
        """The own authentication token, 8 bytes; a card keeps it to itself until the host's is right."""
        token = ffi.new("uint8_t[]", TOKEN_BYTES)
        self._check(lib.secmod_pace_token(self.vault, self.handle, token))
        return bytes(ffi.buffer(token))

    def finish(self, token: bytes) -> SessionKeys:
        """The session keys, if the other end's token is right; the handshake is gone in any case."""
        if len(token) != TOKEN_BYTES:
            self.release()
            raise MismatchError(f"a token has {TOKEN_BYTES} bytes, not {len(token)}")
        session = ffi.new("uint64_t *")
        self._check(lib.secmod_pace_finish(self.vault, self.handle, token, session))
        return SessionKeys(self.vault, session[0])

    def inject(self, what: Injection, value: bytes) -> None:
        """A known value instead of a random one, before the first step; for known-answer tests."""
        self._check(lib.secmod_pace_inject(self.vault, self.handle, what, value, len(value)))

    def _point(self, function: Any) -> bytes:
        size = self._curve.point_bytes
        point, length = ffi.new("uint8_t[]", size), ffi.new("size_t *", size)
        self._check(function(self.vault, self.handle, point, length))
        return bytes(ffi.buffer(point))

    @staticmethod
    def _check(code: int) -> None:
        if code:
            raise failure(code, "handshake")


__all__ = ["NONCE_BYTES", "SSC_BYTES", "TOKEN_BYTES", "Handshake", "HandshakeEnd", "Injection", "SessionKeys"]
