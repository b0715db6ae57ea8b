# SPDX-License-Identifier: Apache-2.0
"""Writes the constants of the IFMA lanes, native/src/lanes_gen.h, from native/curves.toml.

Numbers are cut into limbs of 52 bits; R = 2^(52 * limbs).  Curves are taken to the isomorphic one with a = -3 (RFC 5639, factor
Z): x' = Z^2 x, y' = Z^3 y.  The comb tables are not written here: native/src/lanes_comb.h computes them from the base point on
first use.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

RADIX = 52
ROOM = 10  # limbs in a row of struct lanes_modulus
MULTIPLES = 9  # 0 .. 8 times the modulus
DIVSTEPS = 50  # in a round, as in lanes_inverse.h

HEAD = """\
/* SPDX-License-Identifier: Apache-2.0 */
/* Written by native/generate_lanes.py from native/curves.toml; changes belong there. */
"""


def limb_count(bits: int) -> int:
    """Limbs of 52 bits, with at least four bits to spare."""
    return -(-(bits + 4) // RADIX)


def divstep_rounds(bits: int) -> int:
    """Rounds that bring g to zero: the bound of the divsteps that start at delta = 1/2 (safegcd-bounds, formally proven)."""
    return -(-((45907 * bits + 26313) // 19929) // DIVSTEPS)


def limbs(value: int) -> str:
    """The initialiser of uint64_t[ROOM]."""
    return "{" + ", ".join(f"0x{value >> RADIX * i & (1 << RADIX) - 1:013x}" for i in range(ROOM)) + "}"


@dataclass(frozen=True, slots=True)
class Modulus:
    """p or n: what Montgomery multiplication and inversion need."""

    m: int
    bits: int

    @property
    def r(self) -> int:
        """The Montgomery factor."""
        return 1 << RADIX * limb_count(self.bits)

    def row(self) -> str:
        """The initialiser of a struct lanes_modulus."""
        m = self.m
        rounds = divstep_rounds(self.bits)
        multiples = ", ".join(limbs(k * m) for k in range(MULTIPLES))
        return (
            f"{{.times = {{{multiples}}},\n"
            f"     .shift = {limbs(pow(2, -RADIX, m))},\n"
            f"     .negated_inverse = 0x{-pow(m, -1, 1 << RADIX) % (1 << RADIX):013x},\n"
            f"     .one = {limbs(self.r % m)},\n"
            f"     .square = {limbs(self.r**2 % m)},\n"
            f"     .inversion = {limbs(self.r**3 * pow(2, (RADIX - DIVSTEPS) * rounds, m) % m)}}}"
        )


def twist_factor(p: int, a: int) -> int:
    """Z with Z^4 a = -3 mod p."""
    if p % 4 != 3:
        message = "p mod 4 is not 3"
        raise ValueError(message)
    square = pow(-3 * pow(a, -1, p), (p + 1) // 4, p)
    if pow(square, (p - 1) // 2, p) != 1:
        square = p - square
    factor = pow(square, (p + 1) // 4, p)
    if pow(factor, 4, p) * a % p != p - 3:
        message = "the curve has no twin with a = -3"
        raise ValueError(message)
    return factor


def row(block: dict[str, str | int]) -> str:
    """The initialiser of a struct lanes_curve."""
    p, a, b, x, y, n = (int(str(block[key]), 16) for key in ("p", "a", "b", "Gx", "Gy", "n"))
    bits = int(block["bits"])
    if bits % 64 or not bits == p.bit_length() == n.bit_length() == 8 * int(block["field_bytes"]) or p >= 2 * n:
        message = f"curves.toml, curve {block['name']}: the lanes take moduli of whole words and of one length"
        raise ValueError(message)
    field = Modulus(p, bits)
    z = twist_factor(p, a)
    values = {
        "b": pow(z, 6, p) * b * field.r,
        "x": z**2 * x * field.r,
        "y": z**3 * y * field.r,
        "x_in": z**2 * field.r**2,
        "y_in": z**3 * field.r**2,
        "x_out": pow(z, -2, p),
        "y_out": pow(z, -3, p),
    }
    fields = "".join(f"     .{name} = {limbs(value % p)},\n" for name, value in values.items())
    return (
        f"    {{.p = {field.row()},\n     .n = {Modulus(n, bits).row()},\n{fields}"
        f"     .limbs = {limb_count(bits)},\n     .rounds = {divstep_rounds(bits)}}},\n"
    )


def header(blocks: list[dict[str, str | int]]) -> str:
    """The text of lanes_gen.h."""
    rows = "".join(" \\\n".join(row(block).splitlines()) + " \\\n" for block in blocks)
    bits = sorted({int(block["bits"]) for block in blocks})
    rounds = {limb_count(length): divstep_rounds(length) for length in bits}
    sizes = "".join(f"#define LANES_ROUNDS_{count} {number}\n" for count, number in rounds.items())
    room = " + ".join(f"LANES_COMB{limb_count(int(block['bits']))}" for block in blocks)
    sizes += f"#define LANES_COMB_ROOM ({room}) /* bytes of all comb tables, lanes_width.h */\n"
    return (
        f"{HEAD}\n{sizes}\n/* One struct lanes_curve each, in the order of curves.toml. */\n#define LANES_CURVE_ROWS \\\n{rows}\n"
    )


def write_header(toml_path: Path, header_path: Path) -> None:
    """Write the header anew if its content changes; an unchanged file keeps its time, so nothing is compiled for nothing."""
    text = header(tomllib.loads(toml_path.read_text(encoding="utf-8"))["curve"])
    if not header_path.exists() or header_path.read_text(encoding="utf-8") != text:
        header_path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_header(Path(sys.argv[1]), Path(sys.argv[2]))
