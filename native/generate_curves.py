# SPDX-License-Identifier: Apache-2.0
"""Writes the C table of curves, native/src/curves_gen.h, from native/curves.toml.

`write_header` is called by the build (secmod/_native/build.py) and by native/tests/Makefile; the header is not kept in git.
A block that does not describe a curve of prime field and cofactor 1 as its own numbers say is refused with a ValueError.
"""

from __future__ import annotations

import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

NAME_ROOM = 23  # struct secmod_curve: char name[24]
OID_ROOM = 16  # SECMOD_MAX_OID
FIELD_ROOM = 64  # SECMOD_MAX_FIELD

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


def header(blocks: list[dict[str, str | int]]) -> str:
    """The text of curves_gen.h."""
    curves = [CurveBlock.parse(block) for block in blocks]
    rows = "".join(curve.row(number) for number, curve in enumerate(curves))
    return f"{HEAD}\n#define CURVE_COUNT {len(curves)}\n\n/* One struct curve each. */\n#define CURVE_ROWS \\\n{rows}\n"


def write_header(toml_path: Path, header_path: Path) -> None:
    """Write the header anew if its content changes; an unchanged file keeps its time, so nothing is compiled for nothing."""
    text = header(tomllib.loads(toml_path.read_text(encoding="utf-8"))["curve"])
    if not header_path.exists() or header_path.read_text(encoding="utf-8") != text:
        header_path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_header(Path(sys.argv[1]), Path(sys.argv[2]))
