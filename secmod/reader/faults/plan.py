# SPDX-License-Identifier: Apache-2.0
"""A plan of faults: read from TOML or from lines of text, brought into the readers, listed, and taken out again."""

from __future__ import annotations

import logging
import shlex
import threading
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, Final, Protocol

from secmod.apdu.ins import ins_title
from secmod.errors import FaultPlanError, UnknownNameError
from secmod.reader.faults import answers, inside, line, power, store
from secmod.reader.faults.scene import Fault, Occasion, Proceed, Scene
from secmod.reader.faults.selector import Counter, Selector
from secmod.reader.slot import Line, Place, Slot, Transmit
from secmod.table import Table

_log = logging.getLogger(__name__)

MAX_FAULTS: Final = 1000

_KINDS: Final[tuple[type[Fault], ...]] = (
    line.Removed,
    line.Mute,
    line.Late,
    line.KeepAlives,
    answers.WrongStatus,
    answers.WrongLength,
    answers.Truncated,
    answers.Oversized,
    answers.FlippedBits,
    power.WrongAtr,
    power.FailingStart,
    inside.RandomAlarm,
    inside.FailingSelfTest,
    inside.Damage,
    store.PowerLoss,
    store.StorageFull,
    store.StorageReadOnly,
)
_TEXTS: Final = ("value", "object")  # in a line these are text, even where it looks like a number
KINDS: Final = {kind.kind: kind for kind in _KINDS}


@dataclass(frozen=True, slots=True)
class Entry:
    """A fault of a plan: its number, what is told of it, what it does, and when."""

    number: int
    text: str
    fault: Fault
    selector: Selector


class _Cards(Protocol):
    @property
    def slots(self) -> Sequence[Slot]: ...

    def line(self, reader: int) -> Line: ...


class _Strikes:
    """The faults of one reader, between its card and whoever uses it (an `Interposer`)."""

    def __init__(self, slot: Slot, line: Line) -> None:
        self._slot = slot
        self._line = line
        self._armed: tuple[tuple[Entry, Counter, Scene], ...] = ()
        self._counts = dict.fromkeys(Occasion, 0)

    @property
    def armed(self) -> bool:
        """Whether there is any fault here."""
        return bool(self._armed)

    def arm(self, entry: Entry, random: Random) -> None:
        """The fault may strike from now on."""
        self._armed += ((entry, Counter(entry.selector, random), Scene(self._slot, self._line, random)),)

    def disarm(self, number: int) -> None:
        """The fault is gone."""
        self._armed = tuple(armed for armed in self._armed if armed[0].number != number)

    def struck(self, number: int) -> int:
        """How often the fault has struck here."""
        return sum(counter.struck for entry, counter, _ in self._armed if entry.number == number)

    def commands(self, transmit: Transmit) -> Transmit:
        """With the faults that wait for commands."""

        def strike(command: bytes) -> bytes:
            ins = command[1] if len(command) > 1 else None
            return self._strike(Occasion.COMMAND, ins, partial(transmit, command))

        return strike

    def start(self, start: Callable[[], bytes]) -> bytes:
        """With the faults that wait for a power-up or reset."""
        return self._strike(Occasion.START, None, start)

    def _strike(self, occasion: Occasion, ins: int | None, proceed: Proceed) -> bytes:
        self._counts[occasion] += 1
        where = f"{occasion.value} {self._counts[occasion]}" + ("" if ins is None else f" ({ins_title(ins)})")
        for entry, counter, scene in reversed(self._armed):
            if entry.fault.occasion is occasion and counter.hits(ins):
                proceed = partial(self._let, entry, scene, where, proceed)
        return proceed()

    def _let(self, entry: Entry, scene: Scene, where: str, proceed: Proceed) -> bytes:
        _log.warning("%s: fault %d at %s: %s", self._slot.address.stem, entry.number, where, entry.text)
        try:
            return entry.fault.strike(scene, proceed)
        except (FaultPlanError, UnknownNameError) as error:
            _log.error("%s: fault %d can not strike: %s", self._slot.address.stem, entry.number, error)
            return proceed()


class Faults:
    """The faults in force in the readers of `cards`; any thread may change them.  Without one, nothing stands in any reader."""

    def __init__(self, cards: _Cards) -> None:
        self._cards = cards
        self._entries: list[Entry] = []
        self._strikes = [_Strikes(slot, cards.line(number)) for number, slot in enumerate(cards.slots)]
        self._seed = ""
        self._last = 0
        self._lock = threading.Lock()

    def load(self, text: str, place: str = "plan") -> None:
        """The plan is in force, instead of what was.  FaultPlanError, and nothing has changed, if it can not be read."""
        seed, faults = read_plan(text, place)
        with self._lock:
            self._check(faults, len(faults))
            for entry in self._entries:
                self._disarm(entry)
            self._entries.clear()
            self._seed = seed
            self._add(faults)

    def add(self, text: str) -> int:
        """One more fault, `KIND name=value …`; returns its number.  FaultPlanError if it can not be read."""
        with self._lock:
            faults = [(text, *read_line(text))]
            self._check(faults, len(self._entries) + len(faults))
            self._add(faults)
            return self._last

    def clear(self, number: int | None = None) -> None:
        """The fault of this number is gone, or all are.  FaultPlanError if there is none of that number."""
        with self._lock:
            chosen = [entry for entry in self._entries if number in (None, entry.number)]
            if number is not None and not chosen:
                raise FaultPlanError(f"there is no fault {number}; `secmod fault list` shows them")
            for entry in chosen:
                self._entries.remove(entry)
                self._disarm(entry)
            self._stand()

    def list(self) -> list[dict[str, Any]]:
        """Number, text, kind, and how often each has struck."""
        with self._lock:
            return [
                {
                    "number": entry.number,
                    "kind": entry.fault.kind,
                    "text": entry.text,
                    "struck": sum(strikes.struck(entry.number) for strikes in self._strikes),
                }
                for entry in self._entries
            ]

    def _check(self, faults: Sequence[tuple[str, Fault, Selector]], total: int) -> None:
        if total > MAX_FAULTS:
            raise FaultPlanError(f"a plan has at most {MAX_FAULTS} faults")
        for text, _, selector in faults:
            if selector.reader is not None and selector.reader >= len(self._strikes):
                raise FaultPlanError(f"{text}: there is no reader {selector.reader}; the last one is {len(self._strikes) - 1}")

    def _add(self, faults: Sequence[tuple[str, Fault, Selector]]) -> None:
        for text, fault, selector in faults:
            self._last += 1
            entry = Entry(self._last, text, fault, selector)
            self._entries.append(entry)
            for reader, strikes in enumerate(self._strikes):
                if selector.reader in (None, reader):
                    strikes.arm(entry, Random(f"{self._seed}/{self._last}/{reader}"))
        self._stand()

    def _disarm(self, entry: Entry) -> None:
        for strikes in self._strikes:
            strikes.disarm(entry.number)

    def _stand(self) -> None:
        for slot, strikes in zip(self._cards.slots, self._strikes, strict=True):
            slot.interpose(Place.FAULTS, strikes if strikes.armed else None)


def read_plan(text: str, place: str = "plan") -> tuple[str, list[tuple[str, Fault, Selector]]]:
    """Seed, and text, fault and selector of each `[[fault]]` of a TOML text.  Raises FaultPlanError that names the place."""
    try:
        table = Table(tomllib.loads(text), place, FaultPlanError)
    except (ValueError, RecursionError) as error:
        raise FaultPlanError(f"{place} is no TOML: {error}") from None
    seed = table.text("seed", "")
    faults = list(_read_all(table))
    table.end()
    return seed, faults


def _read_all(plan: Table) -> Iterator[tuple[str, Fault, Selector]]:
    for table in plan.tables("fault", "kind"):
        yield (_written(table), *_read(table))


def read_line(text: str) -> tuple[Fault, Selector]:
    """A fault from one line: its kind, then `name=value` pairs, values as in TOML; quotes may be left out.  FaultPlanError."""
    try:
        kind, *pairs = shlex.split(text)
    except ValueError as error:
        raise FaultPlanError(f"{text!r} is no fault: write KIND name=value …; {error}") from None
    values: dict[str, Any] = {"kind": kind}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or name in values:
            raise FaultPlanError(f"{text!r}: {pair!r} is no name=value, or comes twice")
        values[name] = value if name in _TEXTS else _value(value)
    return _read(Table(values, f"fault {kind}", FaultPlanError))


def _value(text: str) -> Any:
    """What TOML makes of it, if it is one value; else the text itself."""
    try:
        values = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return values["value"] if len(values) == 1 else text


def _read(table: Table) -> tuple[Fault, Selector]:
    fault = KINDS[table.text("kind", choice=KINDS)].read(table)
    selector = Selector.read(table, fault.occasion)
    table.end()
    return fault, selector


def _written(table: Table) -> str:
    """A fault of a file as the line that would say the same."""
    copy = table.copy()
    names = sorted(copy.unread(), key=lambda name: name != "kind")
    return " ".join(str(copy.raw(name)) if name == "kind" else f"{name}={copy.raw(name)}" for name in names)


__all__ = ["KINDS", "MAX_FAULTS", "Entry", "Faults", "read_line", "read_plan"]
