# SPDX-License-Identifier: Apache-2.0
"""The forms in which a secret could lie somewhere, cut into pieces that are long enough to be no accident.

A piece is found also where a part of the secret was overwritten.  Pieces of bytes have 8 bytes (64 bits: in 100 MB, with 100,000
pieces, an accident happens once in two million scans), pieces of text more.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

PREFIX = 8  # bytes by which the scanner finds a piece
_HEX, _BASE64, _DIGITS = 16, 16, 10  # characters in a piece of text


@dataclass(frozen=True, slots=True)
class Needle:
    """A piece of a secret's form: whose, which form, and the bytes to look for."""

    secret: str
    form: str
    piece: bytes


def private_key(secret: str, scalar: int, order: int, size: int) -> Iterator[Needle]:
    """Of a scalar of a curve: bytes, words and digits of all kinds, and what scalar multiplication makes of it."""
    words = 1 << (8 * size)
    values = {
        "scalar": scalar,
        "Montgomery": scalar * words % order,
        "negative": order - scalar,
        "scalar + n": scalar + order,
        "scalar + 2n": scalar + 2 * order,
        "inverse": pow(scalar, -1, order),
    }
    for name, value in values.items():
        length = size if value < words else size + 8
        yield from _cut(secret, f"{name}, big-endian", value.to_bytes(length, "big"))
        yield from _cut(secret, f"{name}, little-endian", value.to_bytes(length, "little"))
        yield from _cut(secret, f"{name}, radix 2^52", _limbs(value, 52, 8))
    big = scalar.to_bytes(size, "big")
    yield from _cut(secret, "words of 64 bits, first the highest", _reversed_words(big, 8))
    yield from _cut(secret, "words of 32 bits, first the highest", _reversed_words(big, 4))
    yield from _cut(secret, "Python integer", _limbs(scalar, 30, 4))
    yield from _cut(secret, "decimal", str(scalar).encode(), _HEX)
    yield from texts(secret, big)


def password(secret: str, value: bytes) -> Iterator[Needle]:
    """Of a PIN: its digits in every coding, whole or from any digit on."""
    text = value.decode()
    for form, coded in (
        ("ASCII", value),
        ("reversed", value[::-1]),
        ("UTF-16", text.encode("utf-16-le")),
        ("UTF-32", text.encode("utf-32-le")),
        ("hex", value.hex().encode()),
    ):
        width = len(coded) // len(value) * _DIGITS
        for start in range(0, len(coded) - width + 1, len(coded) // len(value)):
            yield Needle(secret, form, coded[start : start + width])
    for form, filler in (("BCD", "F"), ("BCD, filled with 0", "0")):
        packed = bytes.fromhex(text + filler * (len(text) % 2))
        if len(packed) >= PREFIX:
            yield Needle(secret, form, packed[:PREFIX])
    yield from texts(secret, value)


def symmetric(secret: str, key: bytes) -> Iterator[Needle]:
    """Of 16 bytes or more with no structure: a session key, a nonce, a shared value."""
    yield from _cut(secret, "bytes", key)
    yield from _cut(secret, "bytes, reversed", key[::-1])
    yield from texts(secret, key)


def aes_key(secret: str, key: bytes) -> Iterator[Needle]:
    """Of an AES key: also its expanded key, for both directions, and CMAC's two subkeys."""
    yield from symmetric(secret, key)
    expanded = _expand(key)
    yield from _cut(secret, "expanded key", expanded)
    middle = b"".join(_inverse_mix(expanded[at : at + 4]) for at in range(16, len(expanded) - 16, 4))
    yield from _cut(secret, "expanded key, for decryption", middle)
    swapped = b"".join(expanded[at : at + 4][::-1] for at in range(0, len(expanded), 4))
    yield from _cut(secret, "expanded key, words swapped", swapped)
    zero = Cipher(AES(key), ECB()).encryptor().update(bytes(16))  # noqa: S305  (CMAC's L)
    for count in (1, 2):
        zero = _doubled(zero)
        yield from _cut(secret, f"CMAC subkey K{count}", zero)


def texts(secret: str, data: bytes) -> Iterator[Needle]:
    """Of bytes written as text: hex, also with separators, and base64 wherever in a longer text they stand."""
    yield from _cut(secret, "hex, small", data.hex().encode(), _HEX)
    yield from _cut(secret, "hex, capital", data.hex().upper().encode(), _HEX)
    for separator in " :":
        yield from _cut(secret, f"hex with {separator!r}", data.hex(separator).encode(), 3 * PREFIX)
        yield from _cut(secret, f"capital hex with {separator!r}", data.hex(separator).upper().encode(), 3 * PREFIX)
    for shift in range(3):
        # Characters that depend on the neighbours are left out.
        whole = data[(3 - shift) % 3 :]
        coded = base64.b64encode(whole[: len(whole) // 3 * 3])
        yield from _cut(secret, "base64", coded, min(_BASE64, len(coded)))
        if b"+" in coded or b"/" in coded:
            yield from _cut(secret, "base64url", coded.translate(bytes.maketrans(b"+/", b"-_")), min(_BASE64, len(coded)))


def _cut(secret: str, form: str, data: bytes, size: int = PREFIX) -> Iterator[Needle]:
    """Pieces of `size` bytes; what is left at the end is the last `size` bytes.  None of them could be an accident."""
    if len(data) < size:
        return
    for start in {*range(0, len(data) - size + 1, size), len(data) - size}:
        piece = data[start : start + size]
        if piece.count(0) <= 2 and len(set(piece)) > 4:  # small numbers and the like are anywhere
            yield Needle(secret, form, piece)


def _limbs(value: int, bits: int, size: int) -> bytes:
    count = -(-value.bit_length() // bits)
    return b"".join((value >> bits * i & (1 << bits) - 1).to_bytes(size, "little") for i in range(count))


def _reversed_words(data: bytes, size: int) -> bytes:
    return b"".join(data[at : at + size][::-1] for at in range(0, len(data), size))


# ---- AES, as FIPS 197 has it ----------------------------------------------------------------------------------------------


def _doubled(block: bytes) -> bytes:
    value = int.from_bytes(block, "big") << 1
    return (value & (1 << 128) - 1 ^ (0x87 if value >> 128 else 0)).to_bytes(16, "big")


def _times(a: int, b: int) -> int:
    product = 0
    while b:
        product ^= a if b & 1 else 0
        a = a << 1 ^ (0x11B if a & 0x80 else 0)
        b >>= 1
    return product


def _box() -> bytes:
    box = bytearray(256)
    for value in range(256):
        inverse = next((other for other in range(256) if _times(value, other) == 1), 0)
        bits = inverse
        for shift in range(1, 5):
            bits ^= (inverse << shift | inverse >> 8 - shift) & 0xFF
        box[value] = bits ^ 0x63
    return bytes(box)


_SBOX = _box()
_NINE_TO_E = tuple(bytes(_times(value, factor) for value in range(256)) for factor in (14, 11, 13, 9))


def _expand(key: bytes) -> bytes:
    count = len(key) // 4
    words = [key[at : at + 4] for at in range(0, len(key), 4)]
    constant = 1
    while len(words) < 4 * (count + 7):
        word = words[-1]
        if len(words) % count == 0:
            word = word[1:].translate(_SBOX) + word[:1].translate(_SBOX)
            word = bytes((word[0] ^ constant,)) + word[1:]
            constant = _times(constant, 2)
        elif count > 6 and len(words) % count == 4:
            word = word.translate(_SBOX)
        words.append(bytes(a ^ b for a, b in zip(words[-count], word, strict=True)))
    return b"".join(words)


def _inverse_mix(word: bytes) -> bytes:
    tables = _NINE_TO_E
    return bytes(
        tables[0][word[i]] ^ tables[1][word[(i + 1) % 4]] ^ tables[2][word[(i + 2) % 4]] ^ tables[3][word[(i + 3) % 4]]
        for i in range(4)
    )


def joined(groups: Iterable[Iterable[Needle]]) -> list[Needle]:
    """All of them."""
    return [needle for group in groups for needle in group]
