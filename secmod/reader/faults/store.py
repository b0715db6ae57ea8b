# SPDX-License-Identifier: Apache-2.0
"""What goes wrong when a card stores what a command has changed.  A command that changes nothing is not harmed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import ClassVar, Final, Self

from secmod.errors import FaultPlanError, PowerLostError, SecmodError, StorageFullError, StorageReadOnlyError, StoreError
from secmod.reader.faults.scene import Occasion, Proceed, Scene
from secmod.reader.slot import NoAnswerError
from secmod.table import Table

_STEPS: Final = ("begin", "write", "commit", "done")
_MOST: Final = 10_000


def _step(table: Table, default: str) -> str:
    """`at`: the name of a step, or its number from 1."""
    at = table.raw("at", default)
    if type(at) is int and 1 <= at <= _MOST:
        return str(at)
    if at not in _STEPS:
        raise table.error(f"at = {at!r} is no step of a change: write {', '.join(_STEPS)}, or a number from 1")
    return str(at)


@contextmanager
def _failing(scene: Scene, at: str, error: type[SecmodError]) -> Iterator[None]:
    with ExitStack() as stack:
        try:
            stack.enter_context(scene.inside().failing_store(at, error))
        except StoreError as missing:
            raise FaultPlanError(str(missing)) from None
        yield


@dataclass(frozen=True, slots=True)
class PowerLoss:
    """The power goes between two steps of a change."""

    kind: ClassVar = "power-loss"
    occasion: ClassVar = Occasion.COMMAND

    at: str

    @classmethod
    def read(cls, table: Table) -> Self:
        """`at` = "begin", "write", "commit" (before it) or "done" (all is stored), or the n-th step."""
        return cls(_step(table, "commit"))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The host gets no answer from a card that has no power."""
        try:
            with _failing(scene, self.at, PowerLostError):
                return proceed()
        except PowerLostError:
            scene.slot.power_lost()
            raise NoAnswerError from None


@dataclass(frozen=True, slots=True)
class StorageFull:
    """There is no space for a change."""

    kind: ClassVar = "storage-full"
    occasion: ClassVar = Occasion.COMMAND

    at: str

    @classmethod
    def read(cls, table: Table) -> Self:
        """`at` = "begin", "write" (the default), "commit" or the n-th step."""
        return cls(_step(table, "write"))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The card's own answer."""
        with _failing(scene, self.at, StorageFullError):
            return proceed()


@dataclass(frozen=True, slots=True)
class StorageReadOnly:
    """Changes are refused."""

    kind: ClassVar = "storage-read-only"
    occasion: ClassVar = Occasion.COMMAND

    @classmethod
    def read(cls, table: Table) -> Self:  # noqa: ARG003 - as every kind
        """No parameters."""
        return cls()

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The card's own answer."""
        with _failing(scene, "begin", StorageReadOnlyError):
            return proceed()


__all__ = ["PowerLoss", "StorageFull", "StorageReadOnly"]
