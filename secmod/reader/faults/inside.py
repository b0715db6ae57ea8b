# SPDX-License-Identifier: Apache-2.0
"""What goes wrong inside the card: the generator, the self-tests, the memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final, Self

from secmod.reader.faults.scene import Occasion, Proceed, Scene
from secmod.reader.faults.selector import several
from secmod.table import Table

_TESTS: Final = ("AES", "CMAC", "SHA", "DRBG", "ECDSA", "ECKA")


def _occasion(table: Table) -> Occasion:
    return Occasion(table.text("on", Occasion.COMMAND.value, [occasion.value for occasion in Occasion]))


@dataclass(frozen=True, slots=True)
class RandomAlarm:
    """The random generator falls into its alarm state before the command is executed, or after a power-up."""

    kind: ClassVar = "rng-alarm"

    occasion: Occasion
    permanent: bool

    @classmethod
    def read(cls, table: Table) -> Self:
        """`on` = "command" or "power-up"; `permanent` (false): no reset ends it."""
        return cls(_occasion(table), table.flag("permanent"))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The card's own answer."""
        if self.occasion is Occasion.START:
            atr = proceed()
            scene.inside().random_alarm(permanent=self.permanent)
            return atr
        scene.inside().random_alarm(permanent=self.permanent)
        return proceed()


@dataclass(frozen=True, slots=True)
class FailingSelfTest:
    """Known-answer tests give another answer: at power-up, or in the command that asks for them."""

    kind: ClassVar = "self-test"

    occasion: Occasion
    tests: tuple[str, ...]

    @classmethod
    def read(cls, table: Table) -> Self:
        """`on` = "command" or "power-up"; `tests`, by name (all)."""
        tests = several(table.raw("tests", []))
        unknown = [test for test in tests if test not in _TESTS]
        if unknown:
            raise table.error(f"tests: {unknown[0]!r} is not known; it can be {table.suggest(str(unknown[0]), _TESTS)}")
        return cls(_occasion(table), tuple(map(str, tests)))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The card's own answer."""
        with scene.inside().failing_tests(self.tests):
            return proceed()


@dataclass(frozen=True, slots=True)
class Damage:
    """A file, key or password is not what was stored any more."""

    kind: ClassVar = "damage"

    occasion: Occasion
    object: str

    @classmethod
    def read(cls, table: Table) -> Self:
        """`object`, by name; `on` = "command" (before it is executed) or "power-up" (before the self-tests)."""
        return cls(_occasion(table), table.text("object"))

    def strike(self, scene: Scene, proceed: Proceed) -> bytes:
        """The card's own answer."""
        scene.inside().spoil(self.object)
        return proceed()


__all__ = ["Damage", "FailingSelfTest", "RandomAlarm"]
