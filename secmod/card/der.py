# SPDX-License-Identifier: Apache-2.0
"""Distinguished encoding (ITU-T X.690 clauses 10 and 11), as strict as its name: one value has one coding, any other is refused.

`Tlv` already refuses lengths that are indefinite or too long; here is what is left.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from secmod.apdu import Tag, Tlv
from secmod.errors import TlvError

if TYPE_CHECKING:
    from collections.abc import Callable

BOOLEAN, NULL, UTF8_STRING, PRINTABLE_STRING, IA5_STRING, UTC_TIME, GENERALIZED_TIME = 0x01, 0x05, 0x0C, 0x13, 0x16, 0x17, 0x18
TRUE = b"\xff"

_UNIVERSAL, _CONSTRUCTED = 0x40, 0x20  # the first tag byte is below the first in class universal, and has the second set
_DEEPEST = 16  # levels of nesting; a certificate has 9
_PRINTABLE = re.compile(rb"[A-Za-z0-9 '()+,./:=?-]*")
_UTC_TIME = re.compile(rb"[0-9]{12}Z")
_GENERALIZED_TIME = re.compile(rb"[0-9]{14}Z")


def check(objects: tuple[Tlv, ...], depth: int = 0) -> None:
    """Returns if every data object, and every one inside, is coded as DER asks.  Raises TlvError otherwise."""
    if depth > _DEEPEST:
        raise TlvError(f"nested more than {_DEEPEST} times")
    for entry in objects:
        if entry.constructed:
            if entry.tag < _UNIVERSAL and entry.tag not in (Tag.SEQUENCE, Tag.SET):
                raise TlvError(f"{entry.tag:02X} is not constructed in DER")
            children = entry.children
            check(children, depth + 1)
            if entry.tag == Tag.SET and (codings := [child.encode() for child in children]) != sorted(codings):
                raise TlvError("a SET is not sorted")
        elif entry.tag < _UNIVERSAL:
            _check_primitive(entry)


def _check_primitive(entry: Tlv) -> None:
    if entry.tag not in _PRIMITIVES:
        raise TlvError(f"{entry.tag:02X} has no place in a certificate")
    if not _PRIMITIVES[entry.tag](entry.value):
        raise TlvError(f"the value of a {entry.tag:02X} is not as DER asks")


def _is_integer(value: bytes) -> bool:
    # Nine equal bits in front are one octet too many.
    return bool(value) and (len(value) == 1 or int.from_bytes(value[:2]) >> 7 not in (0x000, 0x1FF))


def _is_bit_string(value: bytes) -> bool:
    if not value or value[0] > 7:
        return False
    return value[0] == 0 or (len(value) > 1 and not value[-1] & ((1 << value[0]) - 1))


def _is_object_identifier(value: bytes) -> bool:
    starts = (0, *(index + 1 for index, octet in enumerate(value[:-1]) if octet < 0x80))
    return bool(value) and value[-1] < 0x80 and all(value[start] != 0x80 for start in starts)


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_time(kind: int) -> Callable[[bytes], bool]:
    def check_time(value: bytes) -> bool:
        try:
            time(Tlv(kind, value))
        except TlvError:
            return False
        return True

    return check_time


def time(entry: Tlv) -> datetime:
    """A Time of X.509 (RFC 5280 clause 4.1.2.5): UTCTime until 2049, GeneralizedTime from 2050 on, to the second, in UTC.

    Raises TlvError for anything else, and for a date that no calendar has.
    """
    text = entry.value
    if entry.tag == UTC_TIME and _UTC_TIME.fullmatch(text):
        text = (b"20" if text < b"50" else b"19") + text
    elif entry.tag != GENERALIZED_TIME or not _GENERALIZED_TIME.fullmatch(text) or text < b"2050":
        raise TlvError(f"{entry!r} is no time of a certificate")
    digits = text.decode("ascii")
    try:
        return datetime(*(int(digits[start:end]) for start, end in _TIME_FIELDS), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError as error:
        raise TlvError(f"{digits} is no date: {error}") from None


_TIME_FIELDS = ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))

_PRIMITIVES: dict[int, Callable[[bytes], bool]] = {
    BOOLEAN: lambda value: value in (b"\x00", TRUE),
    Tag.INTEGER: _is_integer,
    Tag.BIT_STRING: _is_bit_string,
    Tag.OCTET_STRING: lambda _: True,
    NULL: lambda value: not value,
    Tag.OBJECT_IDENTIFIER: _is_object_identifier,
    UTF8_STRING: _is_utf8,
    PRINTABLE_STRING: lambda value: _PRINTABLE.fullmatch(value) is not None,
    IA5_STRING: bytes.isascii,
    UTC_TIME: _is_time(UTC_TIME),
    GENERALIZED_TIME: _is_time(GENERALIZED_TIME),
}


def natural(entry: Tlv, octets: int) -> int:
    """An INTEGER above zero that has at most so many octets without its sign.  Raises TlvError for any other."""
    if entry.tag != Tag.INTEGER or not _is_integer(entry.value) or entry.value[0] & 0x80:
        raise TlvError("no INTEGER above zero in its shortest form")
    number = int.from_bytes(entry.value)
    if not 0 < number < 1 << 8 * octets:
        raise TlvError(f"no INTEGER above zero of at most {octets} octets")
    return number


def octets_of_bits(entry: Tlv) -> bytes:
    """The octets of a BIT STRING that has no odd bits at its end.  Raises TlvError otherwise."""
    if entry.tag != Tag.BIT_STRING or entry.value[:1] != b"\x00":
        raise TlvError("no BIT STRING of whole octets")
    return entry.value[1:]


def signature(value: bytes, octets: int) -> bytes:
    """r || s, `octets` bytes each, of an Ecdsa-Sig-Value (RFC 5480 appendix A).  Raises TlvError for any other coding."""
    r, s = sequence(Tlv.parse(value), 2)
    return natural(r, octets).to_bytes(octets) + natural(s, octets).to_bytes(octets)


def sequence(entry: Tlv, count: int | None = None) -> tuple[Tlv, ...]:
    """The elements of a SEQUENCE, of which there must be `count` if that is given.  Raises TlvError otherwise."""
    children = entry.children if entry.tag == Tag.SEQUENCE else ()
    if not children or count not in (None, len(children)):
        raise TlvError(f"no SEQUENCE of {count or 'one or more'} elements")
    return children


__all__ = [
    "BOOLEAN",
    "GENERALIZED_TIME",
    "IA5_STRING",
    "NULL",
    "PRINTABLE_STRING",
    "TRUE",
    "UTC_TIME",
    "UTF8_STRING",
    "check",
    "natural",
    "octets_of_bits",
    "sequence",
    "signature",
    "time",
]
