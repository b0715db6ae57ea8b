# SPDX-License-Identifier: Apache-2.0
"""Malformed frames, commands and messages, made from good ones with a seed; each call of a maker gives another one."""

from __future__ import annotations

import random
from collections.abc import Callable

from secmod.reader.direct import messages as m
from secmod.reader.frame import HEADER, MAX_FRAME, Frame, FrameType

COMMANDS = tuple(
    bytes.fromhex(text)
    for text in (
        "00A4040C09F05452303331303932",
        "00A4020C020001",
        "00B0000000",
        "00CADF2101",
        "00CADF2001",
        "0084000008",
        "0046C08100",
        "002241B606840181800100",
        "002A9E9A20" + "F3" * 32 + "40",
        "0022C1A40F800A04007F00070202040202830101",
        "10860000027C0000",
        "0020000108313233343536373800",
        "0024000110" + "31" * 16,
        "00D60000040102030400",
        "0082000008" + "55" * 8,
        "00862A0000000043" + "41" * 67 + "0000",
        "0C84000D3D" + "870901" + "AA" * 52 + "00",
        "0CCADF210D9701018E080011223344556677" + "00",
        "80E4000000",
    )
)


class Ravings:
    """A source of malformed bytes."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self._damages: tuple[Callable[[bytearray], None], ...] = (self._flip, self._cut, self._grow, self._noise, self._swap)

    def damaged(self, good: bytes, longest: int) -> bytes:
        """Something like it, but not it; at least one byte."""
        bad = bytearray(good)
        while bytes(bad) == good or not bad:
            for _ in range(self._dice.choice((1, 1, 1, 2, 4))):
                self._dice.choice(self._damages)(bad)
            bad = bad or bytearray(self._dice.randbytes(1))
        return bytes(bad[:longest])

    def command(self) -> bytes:
        """A command APDU with damage."""
        return self.damaged(self._dice.choice(COMMANDS), 65548)

    def request(self, sequence: int) -> bytes:
        """A frame from a driver: a damaged command in a good frame, a wrong payload, or no frame at all."""
        choice = self._dice.randrange(16)
        if choice < 11:
            return Frame(FrameType.TRANSMIT, sequence, self.command()).encode()
        good = Frame(
            self._dice.choice(list(FrameType)), sequence, self._dice.randbytes(self._dice.choice((0, 1, 2, 40)))
        ).encode()
        return good if choice < 13 else self.damaged(good, MAX_FRAME + 1)

    def message(self, context: int, handle: int) -> bytes:
        """A message of a PC/SC program to its service, with damage in header, structure or data."""
        command, structure = self._dice.choice(list(m.STRUCTURES.items()))
        numbers = (0, 1, 2, 3, 4, context, handle, 0x42000001, 0x7FFFFFFF, 0xFFFFFFFF, self._dice.randrange(1 << 32))
        body = bytearray(structure.size)
        for at in range(0, structure.size - 3, 4):
            body[at : at + 4] = self._dice.choice(numbers).to_bytes(4, "little")
        if self._dice.random() < 0.5 and handle:
            body[:4] = handle.to_bytes(4, "little")
        size = structure.size if self._dice.random() < 0.7 else self._dice.choice((0, 1, 7, 152, 280, 1 << 31, 0xFFFFFFFF))
        good = m.HEADER.pack(size, command) + bytes(body) + self._dice.randbytes(self._dice.choice((0, 0, 5, 300)))
        return good if self._dice.random() < 0.5 else self.damaged(good, 70_000)

    def _flip(self, data: bytearray) -> None:
        if data:
            data[self._dice.randrange(len(data))] ^= 1 << self._dice.randrange(8)

    def _cut(self, data: bytearray) -> None:
        del data[self._dice.randrange(len(data) + 1) :]

    def _grow(self, data: bytearray) -> None:
        length = self._dice.choice((1, 2, 16, 255, 256, 257, 1000))
        data += self._dice.randbytes(length) if self._dice.random() < 0.99 else bytes(MAX_FRAME - HEADER)

    def _noise(self, data: bytearray) -> None:
        at = self._dice.randrange(len(data) + 1)
        data[at : at + self._dice.randrange(9)] = self._dice.randbytes(self._dice.randrange(9))

    def _swap(self, data: bytearray) -> None:
        if data:
            data[self._dice.randrange(len(data))] = self._dice.choice((0, 1, 0x7F, 0x80, 0x81, 0x82, 0x83, 0x84, 0xFF))


__all__ = ["COMMANDS", "Ravings"]
