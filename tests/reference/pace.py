# SPDX-License-Identifier: Apache-2.0
"""The plain Python twin of PACE with generic mapping (BSI TR-03110-3): schoolbook arithmetic with Python's integers."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from tests.reference.curves import Point, curve_of
from tests.reference.securemessaging import cmac, tlv


def derive(secret: bytes, counter: int, key_bytes: int) -> bytes:
    digest = hashlib.sha1 if key_bytes == 16 else hashlib.sha256
    return digest(secret + counter.to_bytes(4, "big")).digest()[:key_bytes]


class Twin:
    """One end of a run, with its scalars chosen; small methods, so that a test can replace one by a mistake."""

    def __init__(
        self, name: str, oid: bytes, key_bytes: int, password: bytes, map_scalar: int = 3, agree_scalar: int = 5
    ) -> None:
        self.curve = curve_of(name)
        self.oid, self.key_bytes, self.password = oid, key_bytes, password
        self.map_scalar, self.agree_scalar = map_scalar, agree_scalar
        self.nonce = b""
        self.shared: Point = None
        self.generator: Point = None
        self.agreed: Point = None
        self.other = b""

    def derive(self, secret: bytes, counter: int) -> bytes:
        return derive(secret, counter, self.key_bytes)

    @property
    def password_key(self) -> bytes:
        return self.derive(self.password, 3)

    def seal(self, nonce: bytes) -> bytes:
        """Card: the encrypted nonce."""
        self.nonce = nonce
        return Cipher(AES(self.password_key), CBC(bytes(16))).encryptor().update(nonce)

    def open(self, z: bytes) -> None:
        """Host: the nonce in it."""
        self.nonce = Cipher(AES(self.password_key), CBC(bytes(16))).decryptor().update(z)

    @property
    def map_point(self) -> bytes:
        return self.curve.encode(self.curve.multiply(self.map_scalar, self.curve.g))

    def map(self, point: bytes) -> None:
        self.shared = self.curve.multiply(self.map_scalar, self.curve.decode(point))
        self.generator = self.curve.add(self.curve.multiply(int.from_bytes(self.nonce, "big"), self.curve.g), self.shared)

    @property
    def agree_point(self) -> bytes:
        return self.curve.encode(self.curve.multiply(self.agree_scalar, self.generator))

    def agree(self, point: bytes) -> None:
        self.other = point
        self.agreed = self.curve.multiply(self.agree_scalar, self.curve.decode(point))

    @property
    def secret(self) -> bytes:
        assert self.agreed is not None
        return self.agreed[0].to_bytes(self.curve.size, "big")

    @property
    def keys(self) -> tuple[bytes, bytes]:
        return self.derive(self.secret, 1), self.derive(self.secret, 2)

    def token_input(self, point: bytes) -> bytes:
        return b"\x7f" + tlv(0x49, tlv(0x06, self.oid) + tlv(0x86, point))

    def token_over(self, point: bytes) -> bytes:
        return cmac(self.keys[1], self.token_input(point))[:8]

    @property
    def token(self) -> bytes:
        """The own token: over the other's key."""
        return self.token_over(self.other)

    @property
    def expected(self) -> bytes:
        """The other's: over the own key."""
        return self.token_over(self.agree_point)
