# SPDX-License-Identifier: Apache-2.0
"""The plain Python twin of the data object parsers.

It reads anything that BER allows, and then asks whether a sender that codes by the rules (DER, tags of up to three bytes) would
have sent just that.
"""

from __future__ import annotations

CLASSES = ("universal", "application", "context", "private")


def tag_octets(number: int, *, tag_class: str = "universal", constructed: bool = False) -> bytes:
    """ISO/IEC 8825-1 clause 8.1.2."""
    leading = CLASSES.index(tag_class) << 6 | (0x20 if constructed else 0)
    if number < 31:
        return bytes([leading | number])
    digits: list[int] = []
    while number:
        number, digit = divmod(number, 128)
        digits.insert(0, digit)
    return bytes([leading | 31, *(digit | 0x80 for digit in digits[:-1]), digits[-1]])


def length_octets(length: int) -> bytes:
    """ISO/IEC 8825-1 clause 8.1.3, definite form, as short as can be."""
    if length < 128:
        return bytes([length])
    octets = length.to_bytes(8, "big").lstrip(b"\x00")
    return bytes([128 + len(octets)]) + octets


def parse_one(data: bytes) -> tuple[bytes, bytes, bytes] | None:
    """Tag octets, value and what follows; None if the data begins with no well-formed object."""
    stream = iter(data)
    try:
        first = next(stream)
        number = first & 31
        if number == 31:
            number = 0
            while (octet := next(stream)) >= 128:
                number = number << 7 | octet - 128
            number = number << 7 | octet
        length = next(stream)
        if length >= 128:
            length = sum([next(stream) << 8 * place for place in reversed(range(length - 128))])
    except StopIteration:
        return None
    tag = tag_octets(number, tag_class=CLASSES[first >> 6], constructed=bool(first & 0x20))
    head = tag + length_octets(length) if length < 2**64 else b""
    rest = bytes(stream)
    if tag == b"\x00" or len(tag) > 3 or not head or data[: len(head)] != head or len(head) + len(rest) != len(data):
        return None
    if length > len(rest) or length >= 2**32:
        return None
    return tag, rest[:length], rest[length:]


def parse_all(data: bytes, padding: bytes = b"") -> list[tuple[int, bytes]] | None:
    """All objects as (tag as a number, value); None if the bytes are not made of well-formed objects and padding."""
    objects = []
    while data := data.lstrip(padding) if padding else data:
        one = parse_one(data)
        if one is None:
            return None
        tag, value, data = one
        objects.append((int(tag.hex(), 16), value))
    return objects
