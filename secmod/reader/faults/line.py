# SPDX-License-Identifier: Apache-2.0
"""What goes wrong between card and host: removals, silence, lateness, keep-alives."""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from secmod.errors import LinkError
from secmod.reader.faults.scene import Occasion, Proceed, Scene
from secmod.reader.frame import MAX_PAYLOAD, Fault
from secmod.reader.slot import Line, NoAnswerError
from secmod.table import Table

_log = logging.getLogger(__name__)

_LONGEST: Final = 3600.0  # s


@dataclass(frozen=True, slots=True)
class Removed:
    """The card is taken out while it works: before the command, after it, or within its answer."""

    kind: ClassVar = "remove"
    occasion: ClassVar = Occasion.COMMAND

    executed: bool
    byte: int
    back_after: float | None

    @classmethod
    def read(cls, table: Table) -> Self:
        """`at` = "before" or "after" (the command), or `byte` of the answer; `back_after` seconds it is in again."""
        byte = table.integer("byte", 0, MAX_PAYLOAD, None)
        at = table.text("at", "before" if byte is None else "after", ("before", "after"))
        if byte is not None and at == "before":
            raise table.error("byte says that there is an answer: it does not go with at = 'before'")
        return cls(at == "after", byte or 0, table.number("back_after", 0, _LONGEST, None))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The host sees a removal, and no answer; a vpcd sees its beginning."""
        if self.executed:
            scene.line.part(proceed()[: self.byte])
        with suppress(LinkError):  # somebody was quicker
            scene.line.eject()
        if self.back_after is not None:
            timer = threading.Timer(self.back_after, _put_back, (scene.line,))
            timer.daemon = True
            timer.start()
        scene.line.silence(None)  # so that no answer is quicker than the removal
        raise NoAnswerError(Fault.NO_CARD)


def _put_back(line: Line) -> None:
    try:
        line.insert()
    except LinkError as error:
        _log.info("a card that a fault took out is not put back: %s", error)


@dataclass(frozen=True, slots=True)
class Mute:
    """The card gives no answer and no sign of life."""

    kind: ClassVar = "mute"
    occasion: ClassVar = Occasion.COMMAND

    executed: bool

    @classmethod
    def read(cls, table: Table) -> Self:
        """`executed`: whether the command is executed all the same (false)."""
        return cls(table.flag("executed"))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The host gives up by itself; what it asks next is answered."""
        if self.executed:
            proceed()
        scene.line.silence(None)
        raise NoAnswerError


@dataclass(frozen=True, slots=True)
class Late:
    """The answer comes late: with signs of life meanwhile, or without."""

    kind: ClassVar = "late"
    occasion: ClassVar = Occasion.COMMAND

    seconds: float
    keep_alive: bool

    @classmethod
    def read(cls, table: Table) -> Self:
        """`seconds`; `keep_alive` (true)."""
        return cls(table.number("seconds", 0, _LONGEST), table.flag("keep_alive", default=True))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The card's answer; none if it was taken out meanwhile."""
        answer = proceed()
        if self.keep_alive:
            scene.slot.gone.wait(self.seconds)
        else:
            scene.line.silence(self.seconds)
        if scene.slot.gone.is_set():
            scene.line.silence(None)
            raise NoAnswerError(Fault.NO_CARD)
        return answer


@dataclass(frozen=True, slots=True)
class KeepAlives:
    """A storm of signs of life before the answer."""

    kind: ClassVar = "keep-alives"
    occasion: ClassVar = Occasion.COMMAND

    count: int

    @classmethod
    def read(cls, table: Table) -> Self:
        """`count` of them."""
        return cls(table.integer("count", 1, 1_000_000_000))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The card's answer."""
        answer = proceed()
        if not scene.line.storm(self.count):
            _log.warning("%s: this line has no keep-alives", scene.slot.address.stem)
        return answer


__all__ = ["KeepAlives", "Late", "Mute", "Removed"]
