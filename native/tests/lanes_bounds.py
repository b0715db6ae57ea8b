# SPDX-License-Identifier: Apache-2.0
"""Proves that no number of native/src/lanes_{field,point,inverse}.h outgrows its limbs: each formula is run on upper bounds.

A bound is a multiple of the modulus.  `B.mul` is columns_reduce's promise; `sub` refuses a multiple that is too small; the bounds
of coordinates that lanes_point.h states are shown to hold after every operation if they held before it, for p of every curve,
and those of scalars for n.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

RADIX = 52
X, Y, Z = Fraction(401, 100), Fraction(4), Fraction(5, 2)


def require(holds: bool, what: str) -> None:  # noqa: FBT001  (an assertion that -O does not remove)
    """Raise ArithmeticError unless the bound holds."""
    if not holds:
        raise ArithmeticError(what)


@dataclass(frozen=True)
class Field:
    """A modulus with the limbs it is computed in."""

    m: int
    limbs: int

    @property
    def w(self) -> Fraction:
        """R / m."""
        return Fraction(1 << RADIX * self.limbs, self.m)

    def factor(self, x: Fraction) -> Fraction:
        """A factor of a product lies below R."""
        require(0 <= x < self.w, f"a factor of {float(x)} m has no room")
        return x

    def sum_of_products(self, *pairs: tuple[Fraction, Fraction]) -> Fraction:
        """The outcome of columns_reduce, step by step; its columns stay below 2^63."""
        columns = (2 * self.limbs * (len(pairs) + 1)) * ((1 << RADIX) - 1) + (1 << 12)
        require(columns < 1 << 63, "a column overflows")
        t = sum((self.factor(x) * self.factor(y) * self.m * self.m for x, y in pairs), Fraction(0))
        closing = 2 if self.limbs == 5 else 1
        for step in range(self.limbs):
            q = (1 << RADIX) - 1
            # 2^-52 mod m is below m
            t = t / (1 << RADIX) + q * self.m if step < self.limbs - closing else (t + q * self.m) / (1 << RADIX)
        return t / self.m

    def mul(self, x: Fraction, y: Fraction) -> Fraction:
        """fe_mul, fe_square."""
        return self.sum_of_products((x, y))

    def sub(self, x: Fraction, y: Fraction, k: int) -> Fraction:
        """x - y + k m is not negative and has room."""
        require(y <= k <= 8, f"{float(y)} m is taken from {k} m")
        return self.factor(x + k)

    def weak(self, x: Fraction, k: int) -> Fraction:
        """fe_weak: the threshold is k m, and at most 33 units of the top limb more (16, 16 by carries, and the cut)."""
        require(x < self.w, "fe_weak gets too much")
        return max(x - k, k + Fraction(33 << RADIX * (self.limbs - 1), self.m))

    def canonical(self, x: Fraction) -> None:
        """fe_canonical: 8, 4, 2, 1."""
        require(x < 16, "fe_canonical gets too much")


def double(f: Field, x: Fraction, y: Fraction, z: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """pt_double."""
    delta, gamma = f.mul(z, z), f.mul(y, y)
    total = f.factor(x + delta)
    require(delta <= 3, "z^2 in pt_double")
    a = f.factor((3 * (x + 3) + 1) / 2)
    a = f.mul(a, total)
    beta = f.mul(x, gamma)
    x3 = f.weak(f.sub(f.mul(a, a), 2 * beta, 5), 4)
    rest, minus = f.sub(beta, x3, 5), f.sub(Fraction(0), gamma, 3)
    return x3, f.sum_of_products((a, rest), (gamma, minus)), f.mul(y, z)


def finish_addition(f: Field, h: Fraction, s: Fraction, u: Fraction, minus: Fraction) -> tuple[Fraction, Fraction]:
    """The part that pt_add_affine_parts and pt_add share: u is the x, minus the negated y."""
    hh = f.mul(h, h)
    hhh, v = f.mul(h, hh), f.mul(u, hh)
    x3 = f.weak(f.weak(f.sub(f.mul(s, s), hhh + 2 * v, 7), 5), 4)
    rest = f.sub(v, x3, 5)
    f.canonical(h)
    f.canonical(s)
    return x3, f.sum_of_products((s, rest), (minus, hhh))


def add_affine(f: Field, x: Fraction, y: Fraction, z: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """pt_add_affine_parts with a canonical second point."""
    one = Fraction(1)
    zz = f.mul(z, z)
    h = f.sub(f.mul(one, zz), x, 5)
    s = f.sub(f.mul(one, f.mul(z, zz)), y, 4)
    x3, y3 = finish_addition(f, h, s, x, f.sub(Fraction(0), y, 4))
    return x3, y3, f.mul(z, h)


def sum_add(f: Field, x: Fraction, y: Fraction, z: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """sum_add_affine, where zz and zzz have z's bound, and pt_from_sum."""
    one = Fraction(1)
    h, s = f.sub(f.mul(one, z), x, 5), f.sub(f.mul(one, z), y, 4)
    hh = f.mul(h, h)
    x3, y3 = finish_addition(f, h, s, x, f.sub(Fraction(0), y, 4))
    zz, zzz = f.mul(z, hh), f.mul(z, f.mul(h, hh))
    require(f.mul(x3, zz) <= X and f.mul(y3, zzz) <= Y, "pt_from_sum")
    return x3, y3, max(zz, zzz)


def add(f: Field, x: Fraction, y: Fraction, z: Fraction) -> tuple[Fraction, Fraction, Fraction]:
    """pt_add."""
    zz = f.mul(z, z)
    u, t = f.mul(x, zz), f.mul(f.mul(y, zz), z)
    h, s = f.sub(u, u, 4), f.sub(t, t, 4)
    x3, y3 = finish_addition(f, h, s, u, f.sub(Fraction(0), t, 3))
    return x3, y3, f.mul(f.mul(z, z), h)


def on_curve(f: Field) -> None:
    """pt_on_curve; the coordinates come out of a product with a canonical constant."""
    x = f.mul(Fraction(1 << 8 * (f.m.bit_length() // 8), f.m), Fraction(1))
    cube = f.mul(f.mul(x, x), x)
    f.canonical(f.sub(cube, 3 * x, 8) + 1)


def same(f: Field, x: Fraction, y: Fraction, z: Fraction) -> None:
    """pt_same."""
    zz = f.mul(z, z)
    u, v = f.mul(x, zz), f.mul(y, f.mul(zz, z))
    f.canonical(f.sub(u, u, 3))
    f.canonical(f.sub(v, v, 3))


def is_double_of_x(f: Field, big_x: Fraction, z: Fraction) -> None:
    """pt_is_double_of_x; x comes out of a product with a canonical constant."""
    x = f.mul(Fraction(1 << 8 * (f.m.bit_length() // 8), f.m), Fraction(1))
    three, b = Fraction(3), Fraction(1)
    square = f.mul(x, x)
    right = f.sub(f.mul(square + three, square + three), f.mul(8 * x, b), 3)
    right = f.mul(right, f.mul(z, z))
    left = f.mul(4 * (f.mul(f.sub(square, three, 3), x) + b), big_x)
    f.canonical(f.sub(left, right, 3))


def signature_holds(f: Field) -> None:
    """The sum in signatures_hold, of canonical scalars, and a hash below R."""
    one = Fraction(1)
    total = f.sum_of_products((one, one), (one, one))
    f.canonical(f.sub(total, f.mul(Fraction(1 << 8 * (f.m.bit_length() // 8), f.m), one), 3))


def divsteps(f: Field) -> None:
    """f and g have their sign in bit 51 of the top limb; d and e stay below 3/2 m."""
    require(4 * f.m < 1 << RADIX * f.limbs, "the sign of f and g")
    bound = Fraction(2) * (1 << 50) / (1 << 52) + 1
    require(bound <= Fraction(3, 2), "d and e")
    f.canonical(f.mul(Fraction(2), Fraction(1)))


def main(path: Path) -> None:
    """Check every curve of curves.toml."""
    for block in tomllib.loads(path.read_text(encoding="utf-8"))["curve"]:
        limbs = -(-(int(block["bits"]) + 4) // RADIX)
        for name in ("p", "n"):
            f = Field(int(block[name], 16), limbs)
            divsteps(f)
            for operation in (double, add_affine, sum_add, add) if name == "p" else ():
                out = operation(f, X, Y, Z)
                print(f"{block['name']:16} {operation.__name__:12}", *(f"{float(bound):.4f}" for bound in out))
                require(all(bound <= limit for bound, limit in zip(out, (X, Y, Z), strict=True)), operation.__name__)
            if name == "p":
                on_curve(f)
                same(f, X, Y, Z)
                is_double_of_x(f, X, Z)
            else:
                signature_holds(f)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
