# SPDX-License-Identifier: Apache-2.0
"""When a fault strikes."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any, Final, Self

from secmod.apdu import INS
from secmod.reader.faults.scene import Occasion
from secmod.table import Table

ALWAYS: Final = 0
_MOST: Final = 1 << 31
_TIMES: Final = {"once": 1, "always": ALWAYS}


@dataclass(frozen=True, slots=True)
class Selector:
    """All that is given must hold.  Counting begins when the fault is loaded, at 1, in each reader for itself.

    `apdu` counts every command of the reader; `nth` and `every` those commands that have an instruction of `ins` (or the
    power-ups, resets included); `times` is how often it strikes at most, 0 without an end.
    """

    reader: int | None = None
    ins: frozenset[int] = frozenset()
    apdu: int | None = None
    nth: int | None = None
    every: int | None = None
    probability: float | None = None
    times: int = 1

    @classmethod
    def read(cls, table: Table, occasion: Occasion) -> Self:
        """From a fault's table.  Without `times` it strikes once, and always if `every` or `probability` says when."""
        command = occasion is Occasion.COMMAND
        every = table.integer("every", 1, _MOST, None)
        probability = table.number("probability", 0, 1, None)
        return cls(
            table.integer("reader", 0, 15, None),
            _instructions(table) if command else frozenset(),
            table.integer("apdu", 1, _MOST, None) if command else None,
            table.integer("nth", 1, _MOST, None),
            every,
            probability,
            _times(table, 1 if every is None and probability is None else ALWAYS),
        )


def several(value: Any) -> list[Any]:
    """A list, or what in a line stands for one: a single value, or texts with commas between them."""
    if isinstance(value, str):
        return value.split(",")
    return value if isinstance(value, list) else [value]


def _instructions(table: Table) -> frozenset[int]:
    names = several(table.raw("ins", []))
    known = {ins.name.lower(): int(ins) for ins in INS} | {"pso": int(INS.PERFORM_SECURITY_OPERATION)}
    found = set()
    for name in names:
        if type(name) is int and 0 <= name <= 0xFF:
            found.add(name)
        elif isinstance(name, str) and name.lower().replace(" ", "_") in known:
            found.add(known[name.lower().replace(" ", "_")])
        else:
            raise table.error(
                f"ins = {name!r} is no instruction: write a byte (0x2A), or {table.suggest(str(name).lower(), known)}"
            )
    return frozenset(found)


def _times(table: Table, default: int) -> int:
    value = table.raw("times", default)
    if isinstance(value, str) and value in _TIMES:
        return _TIMES[value]
    if type(value) is int and 0 <= value <= _MOST:
        return value
    raise table.error(f'times = {value!r} must be a whole number, "once" or "always"')


class Counter:
    """A selector at work in one reader."""

    __slots__ = ("_all", "_matching", "_random", "_selector", "struck")

    def __init__(self, selector: Selector, random: Random) -> None:
        self._selector = selector
        self._random = random
        self._all = 0
        self._matching = 0
        self.struck = 0

    @property
    def spent(self) -> bool:
        """It will not strike any more."""
        return self._selector.times != ALWAYS and self.struck >= self._selector.times

    def hits(self, ins: int | None) -> bool:
        """Whether the fault strikes now: at a command with this instruction, or (None) a power-up."""
        selector = self._selector
        self._all += 1
        if selector.ins and ins not in selector.ins:
            return False
        self._matching += 1
        hit = (
            not self.spent
            and selector.apdu in (None, self._all)
            and selector.nth in (None, self._matching)
            and (selector.every is None or self._matching % selector.every == 0)
            and (selector.probability is None or self._random.random() < selector.probability)
        )
        self.struck += hit
        return hit


__all__ = ["ALWAYS", "Counter", "Selector", "several"]
