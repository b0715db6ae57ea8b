# SPDX-License-Identifier: Apache-2.0
"""What goes wrong when a card gets power, or is reset."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from secmod.reader.faults.scene import Occasion, Proceed, Scene
from secmod.reader.slot import NoAnswerError
from secmod.table import Table


@dataclass(frozen=True, slots=True)
class WrongAtr:
    """The answer to reset is another one."""

    kind: ClassVar = "atr"
    occasion: ClassVar = Occasion.START

    value: bytes

    @classmethod
    def read(cls, table: Table) -> Self:
        """`value`, in hexadecimal, up to 64 bytes (33 is what ISO/IEC 7816-3 allows)."""
        return cls(table.octets("value", 0, 64))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The card has started."""
        proceed()
        return self.value


@dataclass(frozen=True, slots=True)
class FailingStart:
    """There is no answer to reset."""

    kind: ClassVar = "power-up"
    occasion: ClassVar = Occasion.START

    @classmethod
    def read(cls, table: Table) -> Self:  # noqa: ARG003 - as every kind
        """No parameters."""
        return cls()

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The card has no power."""
        raise NoAnswerError


__all__ = ["FailingStart", "WrongAtr"]
