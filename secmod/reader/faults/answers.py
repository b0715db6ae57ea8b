# SPDX-License-Identifier: Apache-2.0
"""Answers that are not what the card said: on the wire, or before secure messaging protects them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from secmod.reader.faults.scene import Occasion, Proceed, Scene
from secmod.table import Table

MAX_ANSWER: Final = 150_000  # bytes; more than any link carries
_WHERE: Final = ("wire", "inside")
_SW: Final = 2


@dataclass(frozen=True, slots=True)
class _Altered:
    """`inside`: before secure messaging protects the answer; of a plain answer it is the same as on the wire."""

    occasion: ClassVar = Occasion.COMMAND

    inside: bool

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The card has executed the command, the host gets another answer."""
        if not self.inside:
            return self.alter(scene, proceed())
        with scene.inside().altered_answers(lambda answer: self.alter(scene, answer)):
            return proceed()

    def alter(self, scene: Scene, answer: bytes) -> bytes:
        """What becomes of the answer."""
        raise NotImplementedError


def _inside(table: Table) -> bool:
    return bool(table.text("where", "wire", _WHERE) == "inside")


@dataclass(frozen=True, slots=True)
class WrongStatus(_Altered):
    """Another status word; the data goes with the right one unless it is to be kept."""

    kind: ClassVar = "status"

    sw: int
    keep_data: bool

    @classmethod
    def read(cls, table: Table) -> Self:
        """`sw`, `keep_data` (false), `where` (wire)."""
        return cls(_inside(table), table.integer("sw", 0, 0xFFFF), table.flag("keep_data"))

    def alter(self, scene: Scene, answer: bytes) -> bytes:
        """The status word alone, or behind the data."""
        return (answer[:-_SW] if self.keep_data else b"") + self.sw.to_bytes(_SW)


@dataclass(frozen=True, slots=True)
class WrongLength(_Altered):
    """The data field is longer (zero bytes) or shorter than it should be; the status word is right."""

    kind: ClassVar = "length"

    by: int

    @classmethod
    def read(cls, table: Table) -> Self:
        """`by` bytes more, or less if it is negative; `where` (wire)."""
        by = table.raw("by")
        if type(by) is not int or not -MAX_ANSWER <= by <= MAX_ANSWER or not by:
            raise table.error(f"by = {by!r} must be a whole number that is not 0, of at most {MAX_ANSWER}")
        return cls(_inside(table), by)

    def alter(self, scene: Scene, answer: bytes) -> bytes:
        """The data field as long as told, the status word behind it."""
        data = answer[:-_SW]
        return (data + bytes(self.by) if self.by > 0 else data[: self.by]) + answer[-_SW:]


@dataclass(frozen=True, slots=True)
class FlippedBits(_Altered):
    """Bits are the other way round."""

    kind: ClassVar = "flip"

    bits: int
    at: int | None

    @classmethod
    def read(cls, table: Table) -> Self:
        """`bits` (1) different ones, by chance; or the one `at` this place, 0 being the highest of the first byte; `where`."""
        at = table.integer("at", 0, 8 * MAX_ANSWER, None)
        return cls(_inside(table), table.integer("bits", 1, 1024, 1), at)

    def alter(self, scene: Scene, answer: bytes) -> bytes:
        """A place beyond the answer's end flips nothing."""
        altered = bytearray(answer)
        size = 8 * len(answer)
        places = scene.random.sample(range(size), min(self.bits, size)) if self.at is None else [self.at]
        for place in places:
            if place < size:
                altered[place // 8] ^= 0x80 >> place % 8
        return bytes(altered)


@dataclass(frozen=True, slots=True)
class Truncated:
    """The answer breaks off: not even the status word need be there."""

    kind: ClassVar = "truncate"
    occasion: ClassVar = Occasion.COMMAND

    to: int

    @classmethod
    def read(cls, table: Table) -> Self:
        """`to` so many bytes, from 0."""
        return cls(table.integer("to", 0, MAX_ANSWER))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The beginning of the answer."""
        return proceed()[: self.to]


@dataclass(frozen=True, slots=True)
class Oversized:
    """The answer is far too long, the status word at its end."""

    kind: ClassVar = "oversize"
    occasion: ClassVar = Occasion.COMMAND

    to: int

    @classmethod
    def read(cls, table: Table) -> Self:
        """`to` so many bytes (65,549: one more than PC/SC carries)."""
        return cls(table.integer("to", 3, MAX_ANSWER, 65_549))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The answer with zero bytes between data and status word."""
        answer = proceed()
        return answer[:-_SW].ljust(self.to - _SW, b"\0") + answer[-_SW:]


__all__ = ["FlippedBits", "Oversized", "Truncated", "WrongLength", "WrongStatus"]
