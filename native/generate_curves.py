# SPDX-License-Identifier: Apache-2.0
"""Writes what the C core knows of curves, from native/curves.toml, into native/src.

- `curves_gen.h`: names, OIDs, sizes, orders (struct curve);
- `domains_gen.h`: constants of the arithmetic, on the isomorphic twin with a = -3, in Montgomery form (struct domain);
- `combs_gen.c`: odd multiples of the base point for its multiplication without doublings.

`write_sources` is called by the build (secmod/_native/build.py) and by native/tests/Makefile; the files are not kept in git.
A block that does not describe a curve of prime field and cofactor 1 as its own numbers say is refused with a ValueError.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

NAME_ROOM = 23  # struct secmod_curve: char name[24]
OID_ROOM = 16  # SECMOD_MAX_OID
FIELD_ROOM = 64  # SECMOD_MAX_FIELD
WORD = 64  # bits of a limb
COMB_WINDOW = {
    4: 7,
    6: 6,
    8: 6,
}  # limbs: bits of a window of the comb; rows are read whole, so wider is not faster
DIVSTEPS = 59  # in one round of the inversion (native/src/inverse.h)

HEAD = """\
/* SPDX-License-Identifier: Apache-2.0 */
/* Written by native/generate_curves.py from native/curves.toml; changes belong there. */
"""


@dataclass(frozen=True, slots=True)
class CurveBlock:
    """One [[curve]] block: the domain parameters of TR-03111 clause 4.1.2, as integers."""

    name: str
    oid: str
    bits: int
    field_bytes: int
    p: int
    a: int
    b: int
    x: int
    y: int
    n: int

    @classmethod
    def parse(cls, block: dict[str, str | int]) -> CurveBlock:
        """A checked curve from a block as tomllib gives it."""
        p, a, b, x, y, n = (int(str(block[key]), 16) for key in ("p", "a", "b", "Gx", "Gy", "n"))
        curve = cls(str(block["name"]), str(block["oid"]), int(block["bits"]), int(block["field_bytes"]), p, a, b, x, y, n)
        curve.check()
        return curve

    def check(self) -> None:
        """Raise ValueError unless sizes, base point and discriminant fit the numbers (n is trusted to be the prime order)."""
        facts = {
            f"the name has more than {NAME_ROOM} characters": len(self.name) <= NAME_ROOM,
            f"the OID has more than {OID_ROOM} octets": len(oid_octets(self.oid)) <= OID_ROOM,
            "bits is not the length of n": self.bits == self.n.bit_length(),
            "field_bytes is not the length of p": self.field_bytes == -(-self.p.bit_length() // 8),
            f"a coordinate has more than {FIELD_ROOM} bytes": self.field_bytes <= FIELD_ROOM,
            "n is longer or shorter than p in bytes": self.field_bytes == -(-self.bits // 8),
            "a coefficient or coordinate is not below p": max(self.a, self.b, self.x, self.y) < self.p,
            "the curve is singular": (4 * self.a**3 + 27 * self.b**2) % self.p != 0,
            "the base point is not on the curve": (self.y**2 - self.x**3 - self.a * self.x - self.b) % self.p == 0,
        }
        for fault, holds in facts.items():
            if not holds:
                message = f"curves.toml, curve {self.name}: {fault}"
                raise ValueError(message)

    def row(self, number: int) -> str:
        """The initialiser of a struct curve (native/src/curves.h), every line continued."""
        oid = oid_octets(self.oid)
        lines = (
            "    {",
            f"        .number = {number},",
            f'        .facts = {{.name = "{self.name}",',
            f"                  .oid = {{{c_bytes(oid)}}},",
            f"                  .oid_length = {len(oid)},",
            f"                  .field_bytes = {self.field_bytes},",
            f"                  .bits = {self.bits}}},",
            f"        .order = {{{c_bytes(self.n.to_bytes(self.field_bytes, 'big'))}}},",
            "    },",
        )
        return "".join(f"{line} \\\n" for line in lines)


def oid_octets(dotted: str) -> bytes:
    """The value octets of an object identifier (ISO/IEC 8825-1 clause 8.19)."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return b"".join(base128(arc) for arc in (40 * first + second, *rest))


def base128(arc: int) -> bytes:
    """One arc: seven bits an octet, b8 set in all but the last."""
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.insert(0, 0x80 | arc & 0x7F)
    return bytes(octets)


def c_bytes(data: bytes) -> str:
    """The elements of a C array initialiser."""
    return ", ".join(f"0x{byte:02x}" for byte in data)


def c_limbs(value: int, limbs: int) -> str:
    """The elements of an array of 64-bit words, the lowest first."""
    return ", ".join(f"0x{value >> WORD * i & (1 << WORD) - 1:016x}" for i in range(limbs))


Point: TypeAlias = tuple[int, int]  # affine, x and y


@dataclass(frozen=True, slots=True)
class Twin:
    """The isomorphic curve y^2 = x^3 - 3x + b, over (x, y) -> (u^2 x, u^3 y); for brainpoolP*r1 it is brainpoolP*t1, and u is
    the factor Z of RFC 5639 clause 3 or its negative.
    """

    p: int
    n: int
    b: int
    u: int
    base: Point

    @classmethod
    def of(cls, curve: CurveBlock) -> Twin:
        """Raise ValueError if there is none: -3/a has no fourth root, or p is not 3 mod 4, so that roots are no single power."""
        p = curve.p
        u = 1 if curve.a == p - 3 else fourth_root(-3 * pow(curve.a, -1, p) % p, p)
        if u == 0:
            message = f"curves.toml, curve {curve.name}: no isomorphic curve with a = -3 is known"
            raise ValueError(message)
        return cls(p, curve.n, curve.b * pow(u, 6, p) % p, u, (curve.x * u**2 % p, curve.y * u**3 % p))

    def add(self, pairs: list[tuple[Point, Point]]) -> list[Point]:
        """The sum of each pair, of equal or of independent points, never opposite ones; all with one inversion."""
        p = self.p
        slopes = [(3 * x * x - 3, 2 * y) if x == v else (w - y, v - x) for (x, y), (v, w) in pairs]
        inverses = invert_all([bottom % p for _, bottom in slopes], p)
        sums = []
        for ((x, y), (v, _)), (top, _), inverse in zip(pairs, slopes, inverses, strict=True):
            slope = top * inverse % p
            z = (slope * slope - x - v) % p
            sums.append((z, (slope * (x - z) - y) % p))
        return sums

    def comb(self, window: int, windows: int) -> list[list[Point]]:
        """Row i holds 1, 3, 5 .. 2^window - 1 times 2^(window * i) times the base point."""
        firsts = [self.base]
        while len(firsts) < windows:
            point = firsts[-1]
            for _ in range(window):
                (point,) = self.add([(point, point)])
            firsts.append(point)
        twice = self.add([(point, point) for point in firsts])
        columns = [firsts]
        while len(columns) < 1 << (window - 1):
            columns.append(self.add(list(zip(columns[-1], twice, strict=True))))
        return [list(row) for row in zip(*columns, strict=True)]


def fourth_root(value: int, p: int) -> int:
    """The fourth root modulo a prime p = 3 mod 4 that is a square itself, 0 if there is none."""
    root = pow(value, (p + 1) // 4, p)  # a square, if value is one
    root = pow(root, (p + 1) // 4, p)
    return root if p % 4 == 3 and pow(root, 4, p) == value else 0


def invert_all(values: list[int], p: int) -> list[int]:
    """The inverses modulo p of numbers that are not zero, with one inversion."""
    products = [1]
    for value in values:
        products.append(products[-1] * value % p)
    inverse = pow(products.pop(), -1, p)
    inverses = []
    for value, product in zip(reversed(values), reversed(products), strict=True):
        inverses.append(inverse * product % p)
        inverse = inverse * value % p
    return inverses[::-1]


def divsteps_rounds(bits: int) -> int:
    """How many rounds of DIVSTEPS steps bring g to 0, for f and g of so many bits, starting with delta = 1/2.

    (45907 d + 26313) / 19929 steps are enough for any d >= 1 ("Bounds on divsteps", M. Hamburg, 2021); for d = 256 that is 591,
    where P. Wuille's computation of the convex hulls (2021) gives 590, ten rounds of 59.
    """
    steps = 590 if bits == 256 else (45907 * bits + 26313) // 19929
    return -(-steps // DIVSTEPS)


@dataclass(frozen=True, slots=True)
class Domain:
    """The constants of a curve's arithmetic on so many 64-bit limbs: R is 2^(64 * limbs)."""

    number: int
    twin: Twin
    limbs: int

    @classmethod
    def of(cls, number: int, curve: CurveBlock) -> Domain:
        """Raise ValueError if p or n do not fill the limbs: their reductions count on it."""
        limbs = -(-curve.bits // WORD)
        if limbs not in COMB_WINDOW or curve.n.bit_length() != WORD * limbs or curve.p.bit_length() != WORD * limbs:
            message = (
                f"curves.toml, curve {curve.name}: p and n must have all of {sorted(WORD * width for width in COMB_WINDOW)} bits"
            )
            raise ValueError(message)
        return cls(number, Twin.of(curve), limbs)

    def montgomery(self, value: int) -> int:
        """A field element as value * R."""
        return (value << WORD * self.limbs) % self.twin.p

    def modulus(self, m: int) -> str:
        """The initialiser of a struct modulus (native/src/limbs.h)."""
        radix = 1 << WORD * self.limbs
        fields = {
            "m": f"{{{c_limbs(m, self.limbs)}}}",
            "one": f"{{{c_limbs(radix % m, self.limbs)}}}",
            "r2": f"{{{c_limbs(radix**2 % m, self.limbs)}}}",
            "n0": f"{{{c_limbs(-pow(m, -1, 1 << WORD) % (1 << WORD), 1)}}}"[1:-1],
        }
        return "{" + ", ".join(f".{name} = {value}" for name, value in fields.items()) + "}"

    def row(self) -> str:
        """The initialiser of a struct domain (native/src/domain.h), every line continued."""
        p, u = self.twin.p, self.twin.u
        elements = {"b": self.twin.b, "to_x": u**2, "to_y": u**3, "from_x": pow(u, -2, p), "from_y": pow(u, -3, p)}
        fields = {
            "number": str(self.number),
            "p": self.modulus(p),
            "n": self.modulus(self.twin.n),
            **{name: f"{{{c_limbs(self.montgomery(value), self.limbs)}}}" for name, value in elements.items()},
            "comb": f"comb_{self.number}",
        }
        return "    {" + ", \\\n     ".join(f".{name} = {value}" for name, value in fields.items()) + "}, \\\n"

    def windows(self) -> int:
        """How many windows cover n."""
        return -(-WORD * self.limbs // COMB_WINDOW[self.limbs])

    def words(self) -> int:
        """The 64-bit words of the comb."""
        return (self.windows() << COMB_WINDOW[self.limbs]) * self.limbs

    def comb(self) -> str:
        """The definition of the comb: x and y of each point, in Montgomery form, row by row."""
        rows = self.twin.comb(COMB_WINDOW[self.limbs], self.windows())
        points = [point for row in rows for point in row]
        lines = "".join(f"    {', '.join(c_limbs(self.montgomery(value), self.limbs) for value in point)},\n" for point in points)
        return f"const uint64_t comb_{self.number}[{self.words()}] __attribute__((aligned(64))) = {{\n{lines}}};\n"


def domains_header(domains: list[Domain]) -> str:
    """The text of domains_gen.h."""
    parts = [HEAD, "#ifndef SECMOD_DOMAINS_GEN_H\n#define SECMOD_DOMAINS_GEN_H\n\n#include <stdint.h>\n"]
    parts += [f"extern const uint64_t comb_{domain.number}[{domain.words()}];\n" for domain in domains]
    for limbs, window in COMB_WINDOW.items():
        rows = [domain.row() for domain in domains if domain.limbs == limbs]
        parts.append(f"\n#define COMB_WINDOW_{limbs} {window}\n#define DIVSTEPS_ROUNDS_{limbs} {divsteps_rounds(WORD * limbs)}\n")
        parts.append(f"/* Struct domain of {len(rows)} curves. */\n#define DOMAIN_ROWS_{limbs} \\\n{''.join(rows)}\n")
    return "".join([*parts, "#endif\n"])


def combs_source(domains: list[Domain]) -> str:
    """The text of combs_gen.c."""
    return "\n".join([f'{HEAD}#include "domains_gen.h"\n', *(domain.comb() for domain in domains)])


def header(blocks: list[dict[str, str | int]]) -> str:
    """The text of curves_gen.h."""
    curves = [CurveBlock.parse(block) for block in blocks]
    rows = "".join(curve.row(number) for number, curve in enumerate(curves))
    return f"{HEAD}\n#define CURVE_COUNT {len(curves)}\n\n/* One struct curve each. */\n#define CURVE_ROWS \\\n{rows}\n"


def write_sources(toml_path: Path, directory: Path) -> None:
    """Write each file anew if its content changes; an unchanged file keeps its time, so nothing is compiled for nothing."""
    blocks = tomllib.loads(toml_path.read_text(encoding="utf-8"))["curve"]
    domains = [Domain.of(number, CurveBlock.parse(block)) for number, block in enumerate(blocks)]
    texts = {"curves_gen.h": header(blocks), "domains_gen.h": domains_header(domains), "combs_gen.c": combs_source(domains)}
    for name, text in texts.items():
        path = directory / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_sources(Path(sys.argv[1]), Path(sys.argv[2]))
