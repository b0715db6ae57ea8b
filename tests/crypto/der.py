# SPDX-License-Identifier: Apache-2.0
"""Strict DER, as far as signatures and public keys need it: every coding but the one right one is a DerError."""

from __future__ import annotations

SEQUENCE, INTEGER, BIT_STRING, OBJECT_IDENTIFIER = 0x30, 0x02, 0x03, 0x06
EC_PUBLIC_KEY = bytes.fromhex("2A8648CE3D0201")


class DerError(ValueError):
    """Not DER, or not the structure that was asked for."""


def _length(data: bytes) -> tuple[int, int]:
    """(length, where the value starts) of a TLV with a tag of one byte."""
    if len(data) < 2:
        raise DerError("truncated")
    if data[1] < 0x80:
        return data[1], 2
    size = data[1] & 0x7F
    length = int.from_bytes(data[2 : 2 + size], "big")
    if not 1 <= size <= 2 or len(data) < 2 + size or length < 0x80 or data[2] == 0:
        raise DerError("length is indefinite, not minimal or truncated")
    return length, 2 + size


def split(data: bytes, tag: int) -> tuple[bytes, bytes]:
    """(value of the first TLV, which has this tag, what follows it)."""
    length, start = _length(data)
    if data[0] != tag or len(data) < start + length:
        raise DerError("other tag, or truncated")
    return data[start : start + length], data[start + length :]


def only(data: bytes, tag: int) -> bytes:
    value, rest = split(data, tag)
    if rest:
        raise DerError("trailing bytes")
    return value


def join(tag: int, value: bytes) -> bytes:
    size = len(value)
    octets = bytes([size]) if size < 0x80 else bytes([0x81, size]) if size < 0x100 else b"\x82" + size.to_bytes(2, "big")
    return bytes([tag]) + octets + value


def _fixed(integer: bytes, width: int) -> bytes:
    """A non-negative INTEGER's value octets as `width` bytes."""
    if not integer or integer[0] & 0x80 or (integer[0] == 0 and len(integer) > 1 and not integer[1] & 0x80):
        raise DerError("integer is empty, negative or not minimal")
    number = int.from_bytes(integer, "big")
    if number >> (8 * width):
        raise DerError("integer is too long")
    return number.to_bytes(width, "big")


def plain_signature(der: bytes, width: int) -> bytes:
    """r || s, `width` bytes each, of SEQUENCE { INTEGER r, INTEGER s }."""
    r, rest = split(only(der, SEQUENCE), INTEGER)
    return _fixed(r, width) + _fixed(only(rest, INTEGER), width)


def der_signature(plain: bytes) -> bytes:
    """The opposite of plain_signature."""
    half = len(plain) // 2
    numbers = (int.from_bytes(part, "big") for part in (plain[:half], plain[half:]))
    return join(SEQUENCE, b"".join(join(INTEGER, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in numbers))


def public_point(spki: bytes, oid: bytes) -> bytes:
    """The point octets of a SubjectPublicKeyInfo with this named curve (RFC 5480)."""
    algorithm, rest = split(only(spki, SEQUENCE), SEQUENCE)
    kind, parameters = split(algorithm, OBJECT_IDENTIFIER)
    if kind != EC_PUBLIC_KEY or only(parameters, OBJECT_IDENTIFIER) != oid:
        raise DerError("another algorithm or curve")
    bits = only(rest, BIT_STRING)
    if bits[:1] != b"\x00":
        raise DerError("bits are left over")
    return bits[1:]


def public_key_info(oid: bytes, point: bytes) -> bytes:
    """The opposite of public_point."""
    algorithm = join(SEQUENCE, join(OBJECT_IDENTIFIER, EC_PUBLIC_KEY) + join(OBJECT_IDENTIFIER, oid))
    return join(SEQUENCE, algorithm + join(BIT_STRING, b"\x00" + point))
