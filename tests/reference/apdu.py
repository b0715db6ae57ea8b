# SPDX-License-Identifier: Apache-2.0
"""The plain Python twin of the command parser: the tables of the standard, read row by row.

Each row says what a command of that case looks like; a command is what fits a row.  The core decides the other way round, by
walking through the bytes, so that one mistake is unlikely to be made in both.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Command:
    """What a row gives; `case` is its name."""

    case: str
    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes
    ne: int

    @property
    def extended(self) -> bool:
        return self.case.endswith("E")


def _number(octets: bytes) -> int:
    return sum(octet << 8 * place for place, octet in enumerate(reversed(octets)))


# ISO/IEC 7816-3 clause 12.1.2: case, bytes of the Lc field, bytes of the Le field (extended without Lc, it brings its own 00).
ROWS = (
    ("1", 0, 0),
    ("2S", 0, 1),
    ("2E", 0, 3),
    ("3S", 1, 0),
    ("3E", 3, 0),
    ("4S", 1, 1),
    ("4E", 3, 2),
)


def _row(raw: bytes, case: str, lc_bytes: int, le_bytes: int) -> Command | None:
    """The command, if the bytes fit this row."""
    header, body = raw[:4], raw[4:]
    if len(raw) < 4 + lc_bytes + le_bytes:
        return None
    lc, middle, le = body[:lc_bytes], body[lc_bytes : len(body) - le_bytes], body[len(body) - le_bytes :]
    for field in (lc, le):
        if len(field) == 3 and field[0] != 0:
            return None
    if _number(lc) != len(middle) or (lc_bytes and not middle):
        return None
    le_values = {0: 0, 1: 256, 2: 65536, 3: 65536}
    cla, ins, p1, p2 = header
    return Command(case, cla, ins, p1, p2, middle, _number(le) or le_values[le_bytes])


def parse(raw: bytes) -> Command | int:
    """The command, or the status word that a card answers."""
    fitting = [command for row in ROWS if (command := _row(raw, *row)) is not None]
    assert len(fitting) <= 1, f"{raw.hex()} fits several rows"
    if not fitting:
        return 0x6700
    return 0x6E00 if class_fields(raw[0])["form"] == "reserved" else fitting[0]


# ISO/IEC 7816-4 clause 5.4.1, from the first bit to the last: fixed bits, letters of fields, x for bits without meaning.  The
# first row that fits counts.
CLASS_ROWS = (
    ("11111111", "reserved"),
    ("000cssnn", "first"),
    ("001xxxxx", "reserved"),
    ("01scnnnn", "further"),
    ("1xxcssnn", "proprietary"),
)


def class_fields(cla: int) -> dict[str, str | int]:
    """The form of a class byte and its fields c, s, n as numbers, as its row has them."""
    bits = f"{cla:08b}"
    for pattern, form in CLASS_ROWS:
        if all(wanted in ("c", "s", "n", "x", bit) for wanted, bit in zip(pattern, bits, strict=True)):
            letters = {
                letter: int("0" + "".join(bit for wanted, bit in zip(pattern, bits, strict=True) if wanted == letter), 2)
                for letter in "csn"
            }
            return {"form": form, **letters}
    raise AssertionError(bits)
