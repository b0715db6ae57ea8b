# SPDX-License-Identifier: Apache-2.0
"""The time that a real chip would take: measured figures of chips as TOML (`secmod/chips`), and the waiting for them."""

from __future__ import annotations

import logging
import math
import time
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final, Protocol, runtime_checkable

from secmod.apdu.ins import ins_title
from secmod.errors import LatencyError
from secmod.reader.frame import Fault
from secmod.reader.slot import Line, NoAnswerError, Place, Slot, Transmit
from secmod.table import Table

_log = logging.getLogger(__name__)

CHIPS: Final = Path(__file__).resolve().parent.parent / "chips"
ASSUMED: Final = "assumed"
_LONGEST: Final = 600_000.0  # ms
_MILLI: Final = 1e-3
_OTHER: Final = "other"
_PROTECTION: Final = "secure_messaging"
_START: Final = "power_up"
_SECURE: Final = 0x0C  # of a class byte: secure messaging

_DRAW: Final[dict[str, Callable[[Random, float, float], float]]] = {
    "constant": lambda _random, median, _spread: median,
    "uniform": lambda random, median, spread: random.uniform(median - spread, median + spread),
    "normal": lambda random, median, spread: random.gauss(median, spread),
    "lognormal": lambda random, median, spread: (
        median * math.exp(random.gauss(0.0, math.log1p(spread / median)) if median else 0.0)
    ),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """How long one kind of work takes, in ms: half of the times are below `median`; `spread` is half the range of `uniform`, the
    standard deviation of `normal`, and what `lognormal` adds to the median one deviation above it.
    """

    distribution: str
    median: float
    spread: float
    source: str

    def draw(self, random: Random) -> float:
        """A time in seconds."""
        return max(0.0, _DRAW[self.distribution](random, self.median, self.spread)) * _MILLI


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip's figures, by work and curve (a name, a number of bits, or None for any), and what a byte on its line takes (s)."""

    name: str
    figures: dict[tuple[str, str | int | None], Figure]
    byte: float

    def figure(self, work: str, curve: str | None = None, bits: int | None = None) -> Figure | None:
        """The figure for this curve by name, else by its bits, else for any, else for any other work."""
        for key in ((work, curve), (work, bits), (work, None), (_OTHER, None)):
            if key in self.figures:
                return self.figures[key]
        return None


def chip_names() -> list[str]:
    """The chips that come with secmod."""
    return sorted(path.stem for path in CHIPS.glob("*.toml"))


def load_chip(name: str | Path) -> Chip:
    """The chip of this name, or in this file.  LatencyError if there is none, or for the first mistake in it."""
    path = CHIPS / f"{name}.toml" if str(name) in chip_names() else Path(name)
    if path.suffix != ".toml" or not path.is_file():
        known = Table.suggest(str(name), chip_names())
        raise LatencyError(f"there is no chip {str(name)!r}; it can be {known}, or the path of a .toml file")
    return read_chip(path.read_text(encoding="utf-8", errors="replace"), path.name)


def read_chip(text: str, place: str) -> Chip:
    """A chip from TOML text.  Raises LatencyError that names the place; a figure without a source is a mistake."""
    try:
        table = Table(tomllib.loads(text), place, LatencyError)
    except (ValueError, RecursionError) as error:
        raise LatencyError(f"{place} is no TOML: {error}") from None
    name = table.text("name")
    sources = table.table("sources", optional=True)
    known = [ASSUMED, *sources.unread()]
    for source in sources.unread():
        sources.text(source)
    line = table.table("line", optional=True)
    baud = line.number("bytes_per_second", 1, 1e9, None)
    if baud is not None:
        line.text("source", choice=known)
    line.end()
    figures: dict[tuple[str, str | int | None], Figure] = {}
    for entry in table.tables("figure", "work"):
        key, figure = _figure(entry, known)
        if key in figures:
            raise entry.error(f"there is a figure for {key} already")
        figures[key] = figure
    table.end()
    return Chip(name, figures, 0.0 if baud is None else 1.0 / baud)


def _figure(entry: Table, sources: list[str]) -> tuple[tuple[str, str | int | None], Figure]:
    work, curve, bits = entry.text("work"), entry.text("curve", None), entry.integer("bits", 1, 1024, None)
    if curve is not None and bits is not None:
        raise entry.error("a figure has a curve or a number of bits, not both")
    median = entry.number("median", 0, _LONGEST)
    distribution = entry.text("distribution", "constant", _DRAW)
    spread = entry.number("spread", 0, _LONGEST, 0.0)
    figure = Figure(distribution, median, spread, entry.text("source", choice=sources))
    entry.end()
    return (work, curve if curve is not None else bits), figure


@runtime_checkable
class _Observable(Protocol):
    def inside(self) -> Any: ...


class Latency:
    """A reader whose card takes the time of a chip (an `Interposer`).  `random` makes the times repeatable."""

    def __init__(self, slot: Slot, line: Line, chip: Chip, random: Random) -> None:
        self._slot = slot
        self._line = line
        self._chip = chip
        self._random = random
        self._card: object = None
        self._time = 0.0
        self._noted = False

    def commands(self, transmit: Transmit) -> Transmit:
        """The answers come when the chip would have given them, or at once if the card has taken longer."""
        self._watch(self._slot.card)

        def timed(command: bytes) -> bytes:
            begin = time.monotonic()
            self._time, self._noted = 0.0, False
            answer = transmit(command)
            if not self._noted:
                self._note(ins_title(command[1]).lower().replace(" ", "_") if len(command) > 1 else _OTHER, None, None)
            if command[0] & _SECURE and (protection := self._chip.figures.get((_PROTECTION, None))) is not None:
                self._time += protection.draw(self._random)
            self._wait(begin + self._time + self._chip.byte * (len(command) + len(answer)))
            return answer

        return timed

    def start(self, start: Callable[[], bytes]) -> bytes:
        """The ATR comes when the chip would have given it."""
        begin = time.monotonic()
        atr = start()
        if (figure := self._chip.figures.get((_START, None))) is not None:
            self._wait(begin + figure.draw(self._random))
        return atr

    def leave(self) -> None:
        """The card is not looked into any more."""
        self._watch(None)

    def _watch(self, card: object) -> None:
        if card is self._card:
            return
        if isinstance(self._card, _Observable):
            self._card.inside().observe(None)
        if isinstance(card, _Observable):
            card.inside().observe(self._note)
        self._card = card

    def _note(self, work: str, curve: str | None, bits: int | None) -> None:
        """Called within the command by a card of ours, for each command that it executes."""
        self._noted = True
        if (figure := self._chip.figure(work, curve, bits)) is not None:
            self._time += figure.draw(self._random)

    def _wait(self, until: float) -> None:
        rest = until - time.monotonic()
        if rest > 0 and self._slot.gone.wait(rest):
            self._line.silence(None)  # so that no answer is quicker than the removal
            raise NoAnswerError(Fault.NO_CARD)


class _Cards(Protocol):
    @property
    def slots(self) -> Any: ...

    def line(self, reader: int) -> Line: ...


def set_latency(cards: _Cards, chip: Chip | None, seed: str = "") -> None:
    """The cards in all readers take the time of this chip from now on; None: their own."""
    for number, slot in enumerate(cards.slots):
        before = slot.interposed(Place.LATENCY)
        latency = None if chip is None else Latency(slot, cards.line(number), chip, Random(f"{seed}/{number}"))
        if isinstance(before, Latency):
            before.leave()
        slot.interpose(Place.LATENCY, latency)
    _log.info("the cards take %s", "their own time" if chip is None else f"the time of {chip.name}")


__all__ = ["ASSUMED", "CHIPS", "Chip", "Figure", "Latency", "chip_names", "load_chip", "read_chip", "set_latency"]
