# SPDX-License-Identifier: Apache-2.0
"""The plain Python twin of the curves: schoolbook arithmetic in affine coordinates on the curve itself."""

from __future__ import annotations

from dataclasses import dataclass

import ecdsa
from gmpy2 import invert  # ten times as fast as pow(x, -1, p)

Point = tuple[int, int] | None
"""Affine; None is infinity."""


@dataclass(frozen=True)
class Curve:
    p: int
    a: int
    b: int
    n: int
    g: tuple[int, int]

    @property
    def size(self) -> int:
        return (self.p.bit_length() + 7) // 8

    def has(self, point: tuple[int, int]) -> bool:
        x, y = point
        return (y * y - x**3 - self.a * x - self.b) % self.p == 0

    def add(self, one: Point, other: Point) -> Point:
        if one is None:
            return other
        if other is None:
            return one
        (x1, y1), (x2, y2) = one, other
        if x1 == x2 and (y1 + y2) % self.p == 0:
            return None
        above, below = (3 * x1 * x1 + self.a, 2 * y1) if one == other else (y2 - y1, x2 - x1)
        slope = above * int(invert(below, self.p))
        x = (slope * slope - x1 - x2) % self.p
        return x, (slope * (x1 - x) - y1) % self.p

    def multiply(self, scalar: int, point: Point) -> Point:
        product: Point = None
        for bit in f"{scalar % self.n:b}":
            product = self.add(product, product)
            if bit == "1":
                product = self.add(product, point)
        return product

    def hash(self, digest: bytes) -> int:
        """The leftmost bits of a hash; n has whole bytes on every curve here."""
        return int.from_bytes(digest[: self.size], "big")

    def sign(self, d: int, k: int, digest: bytes) -> tuple[int, int]:
        """ECDSA (TR-03111 clause 4.2.1) with key d and nonce k."""
        point = self.multiply(k, self.g)
        assert point is not None
        r = point[0] % self.n
        return r, pow(k, -1, self.n) * (self.hash(digest) + r * d) % self.n

    def verify(self, q: Point, digest: bytes, r: int, s: int) -> bool:
        if not (1 <= r < self.n and 1 <= s < self.n):
            return False
        w = pow(s, -1, self.n)
        point = self.add(self.multiply(self.hash(digest) * w, self.g), self.multiply(r * w, q))
        return point is not None and point[0] % self.n == r

    def encode(self, point: Point) -> bytes:
        assert point is not None
        return b"\x04" + b"".join(coordinate.to_bytes(self.size, "big") for coordinate in point)

    def decode(self, octets: bytes) -> tuple[int, int]:
        assert len(octets) == 1 + 2 * self.size
        point = int.from_bytes(octets[1 : 1 + self.size], "big"), int.from_bytes(octets[1 + self.size :], "big")
        assert self.has(point)
        return point


def curve_of(name: str) -> Curve:
    """The domain parameters, as the package `ecdsa` has them; nothing else of it is used."""
    found = getattr(ecdsa, {"secp256r1": "NIST256p", "secp384r1": "NIST384p"}.get(name) or name.replace("brainpool", "BRAINPOOL"))
    p, generator = int(found.curve.p()), found.generator
    x, y = int(generator.x()), int(generator.y())
    return Curve(p, int(found.curve.a()) % p, int(found.curve.b()) % p, int(found.order), (x, y))
