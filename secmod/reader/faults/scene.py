# SPDX-License-Identifier: Apache-2.0
"""What a fault finds where it strikes, and what it is."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from secmod.errors import FaultPlanError, SecmodError
from secmod.reader.slot import Line, Slot
from secmod.table import Table

Proceed = Callable[[], bytes]


class Occasion(Enum):
    """What a fault waits for."""

    COMMAND = "command"
    START = "power-up"


class Inside(Protocol):
    """A card opened (`secmod.card.inside`)."""

    def random_alarm(self, *, permanent: bool = False) -> None:
        """The random generator is in its alarm state."""

    def failing_tests(self, names: tuple[str, ...]) -> AbstractContextManager[None]:
        """Within it these self-tests fail."""

    def spoil(self, name: str) -> None:
        """The object of this name is damaged."""

    def failing_store(self, at: str, error: type[SecmodError]) -> AbstractContextManager[None]:
        """Within it the card's store fails at this step.  StoreError if the card has none."""

    def altered_answers(self, alter: Callable[[bytes], bytes]) -> AbstractContextManager[None]:
        """Within it answers are altered before secure messaging protects them."""


@runtime_checkable
class _Openable(Protocol):
    def inside(self) -> Inside: ...


@dataclass(frozen=True, slots=True)
class Scene:
    """The reader that a fault strikes in; `random` is the fault's own, so that what chance does can be repeated."""

    slot: Slot
    line: Line
    random: Random

    def inside(self) -> Inside:
        """The card opened.  Raises FaultPlanError if it is somebody else's."""
        card: Any = self.slot.card
        if not isinstance(card, _Openable):
            raise FaultPlanError("the card is somebody else's: nothing inside it can be made to fail")
        return card.inside()


class Fault(Protocol):
    """One kind of misfortune: `read` takes its parameters from a plan, `strike` lets it happen."""

    kind: ClassVar[str]

    @property
    def occasion(self) -> Occasion:
        """What it waits for."""

    @classmethod
    def read(cls, table: Table) -> Self:
        """Raises FaultPlanError for parameters that mean nothing."""

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """What the host gets: the answer to a command, or to reset.  `proceed` is what would have happened.

        NoAnswerError if it gets none.
        """


__all__ = ["Fault", "Inside", "Occasion", "Proceed", "Scene"]
