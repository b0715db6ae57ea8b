# SPDX-License-Identifier: Apache-2.0
"""BER-TLV data objects (ISO/IEC 7816-4 clause 5.2.2, ISO/IEC 8825-1): definite minimal lengths, tags of up to three bytes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from secmod.errors import TlvError


class Tlv(NamedTuple):
    """A data object: `tag` as a number (0x7F49 for two bytes) and its `value`."""

    tag: int
    value: bytes = b""

    @classmethod
    def of(cls, tag: int, *children: Tlv) -> Tlv:
        """A constructed data object made of others."""
        return cls(tag, encode_all(children))

    @classmethod
    def parse(cls, data: bytes) -> Tlv:
        """The one data object that these bytes are.  Raises `TlvError` if they are none, or more than it."""
        objects = cls.parse_all(data)
        if len(objects) != 1:
            raise TlvError(f"one data object expected, {len(objects)} found")
        return objects[0]

    @classmethod
    def parse_all(cls, data: bytes, *, padding: bytes = b"") -> tuple[Tlv, ...]:
        """The data objects that these bytes are, one after the other; none for no bytes.

        `padding` lists byte values that are skipped before, between and after them: none in commands, 00 in files, and FF where
        the file's data coding byte says so.  Raises `TlvError` for anything truncated, indefinite or of non-minimal form.
        """
        # In Python, not by secmod_tlv_parse: two objects take 0.5 us here, 1.2 us by way of cffi, and twelve about the same.
        # That one is for what the core reads itself; the tests hold both to one twin.
        objects = []
        offset, end = 0, len(data)
        try:
            while offset < end:
                tag = data[offset]
                if padding and tag in padding:
                    offset += 1
                    continue
                tag, start = (tag, offset + 1) if tag & 0x1F != 0x1F else _long_tag(data, offset)
                length = data[start]
                start += 1
                if length >= 0x80:
                    length, start = _long_length(data, start)
                offset = start + length
                objects.append(_new(cls, (tag, data[start:offset])))
                if not tag:
                    raise TlvError("00 is no tag")
        except IndexError:
            raise TlvError(f"a data object is cut off in its tag or length: {end} bytes are too few") from None
        if offset > end:
            raise TlvError(f"a data object has {offset - end} bytes more than there are")
        return tuple(objects)

    def encode(self) -> bytes:
        """Tag, length in its shortest form, value.  Raises `TlvError` for a number that is no tag."""
        size = (self.tag.bit_length() + 7) // 8 or 1
        tag = self.tag.to_bytes(size, "big") if self.tag >= 0 else b""
        if not _is_tag(tag):
            raise TlvError(f"{self.tag:#x} is no tag")
        length = len(self.value)
        if length < 0x80:
            return tag + bytes((length,)) + self.value
        octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
        return tag + bytes((0x80 | len(octets),)) + octets + self.value

    @property
    def constructed(self) -> bool:
        """The value consists of data objects."""
        first = self.tag
        while first > 0xFF:
            first >>= 8
        return bool(first & 0x20)

    @property
    def children(self) -> tuple[Tlv, ...]:
        """The data objects inside.  Raises `TlvError` if this one is primitive, or its value is not made of data objects."""
        if not self.constructed:
            raise TlvError(f"data object {self.tag:02X} is primitive")
        return Tlv.parse_all(self.value)

    def find(self, tag: int) -> Tlv | None:
        """The first child with this tag, or None.  Raises `TlvError` as `children`."""
        return find(self.children, tag)

    def __repr__(self) -> str:
        return f"Tlv(0x{self.tag:02X}, bytes.fromhex('{self.value.hex()}'))"


_new = tuple.__new__


def encode_all(objects: Iterable[Tlv]) -> bytes:
    """The codings of the data objects, one after the other."""
    return b"".join(item.encode() for item in objects)


def find(objects: Iterable[Tlv], tag: int) -> Tlv | None:
    """The first of the data objects with this tag, or None."""
    return next((item for item in objects if item.tag == tag), None)


def _long_tag(data: bytes, offset: int) -> tuple[int, int]:
    """A tag of two or three bytes and the offset behind it."""
    second = data[offset + 1]
    if second < 0x1F or second == 0x80:
        raise TlvError(f"tag {data[offset]:02X}{second:02X} is not of minimal form")
    if second < 0x80:
        return data[offset] << 8 | second, offset + 2
    third = data[offset + 2]
    if third >= 0x80:
        raise TlvError("a tag has more than three bytes")
    return data[offset] << 16 | second << 8 | third, offset + 3


def _long_length(data: bytes, offset: int) -> tuple[int, int]:
    """A length of several bytes, whose number stands before `offset`, and the offset behind it."""
    count = data[offset - 1] & 0x7F
    if not 1 <= count <= 4:
        raise TlvError("indefinite length" if not count else f"a length of {count} bytes")
    length = int.from_bytes(data[offset : offset + count], "big")
    offset += count
    if offset > len(data):
        raise IndexError
    if length < 0x80 or length >> 8 * (count - 1) == 0:
        raise TlvError(f"length {length} is not coded in its shortest form")
    return length, offset


def _is_tag(tag: bytes) -> bool:
    if len(tag) < 2:
        return tag not in (b"", b"\x00") and tag[0] & 0x1F != 0x1F
    return (
        len(tag) <= 3
        and tag[0] & 0x1F == 0x1F
        and tag[1] >= 0x1F
        and tag[1] != 0x80
        and all(octet >= 0x80 for octet in tag[1:-1])
        and tag[-1] < 0x80
    )


__all__ = ["Tlv", "encode_all", "find"]
