# SPDX-License-Identifier: Apache-2.0
"""The control channel's requests (docs/control.md): one JSON object in, one out.  Knows no socket."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from secmod.errors import ControlError, NoReaderError, SecmodError
from secmod.reader.slot import Card, Line, Slot
from secmod.table import Table

if TYPE_CHECKING:
    from secmod.reader.faults import Faults

_log = logging.getLogger(__name__)

MAX_REQUEST: Final = 1 << 20  # bytes; a plan of faults is the longest thing that is sent
MAX_WAIT: Final = 600.0  # s
MAX_MODULE: Final = 0xFFFF_FFFF
_LONGEST_SEED: Final = 256
_LONGEST_NUMBER: Final = 40  # digits; Python refuses numbers of thousands with an error of its own


class Cards(Protocol):
    """What shows the cards to programs: through the driver, directly, or in a vpcd."""

    @property
    def slots(self) -> Sequence[Slot]:
        """The slots, by number of the reader."""

    def insert(self, reader: int, card: Card | None = None, *, powered_within: float | None = None) -> None:
        """Puts the card (or another one) into a reader."""

    def eject(self, reader: int) -> None:
        """Takes the card out."""

    def alone(self, reader: int) -> AbstractContextManager[None]:
        """Within it nobody else works with the card."""

    def line(self, reader: int) -> Line:
        """What faults do to the reader's line."""

    def connected(self, reader: int) -> bool:
        """Whether programs can see the reader."""


class _Clock(Protocol):
    def set(self, time: datetime | None) -> None: ...


@runtime_checkable
class OwnCard(Protocol):
    """What can be asked of a card of ours, and not of somebody else's (vpcd)."""

    @property
    def clock(self) -> _Clock:
        """The module's reference time."""

    def facts(self) -> dict[str, Any]:
        """What can be told of it; no secret."""

    def snapshot(self, name: str) -> None:
        """The module can be brought back under this name.  StoreError if it has no store."""

    def restore(self, name: str) -> None:
        """The module is as it was at the snapshot, and has no power.  StoreError if it can not be."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The card that shall be in a reader: whatever is None stays as it was at the start."""

    reader: int
    profile: str | None = None
    module: int | None = None
    seed: bytes | None = None


Answer = dict[str, Any]


class Control:
    """Carries out requests.  `make_card` makes the card that is wished for; without it cards can not be swapped.

    `faults` gives the faults in force, an empty plan of its own if it is not given; it is called when somebody asks for them.
    Any thread may call `answer`; whatever it raises is made into an answer.
    """

    def __init__(
        self, cards: Cards, make_card: Callable[[Wish], Card] | None = None, faults: Callable[[], Faults] | None = None
    ) -> None:
        self._cards = cards
        self._make_card = make_card
        self._faults = faults or cache(partial(_new_faults, cards))
        self._lock = threading.Lock()
        self._coming: list[tuple[int, Card]] = []  # readers, and what is being put in
        self._verbs: dict[str, Callable[[Table], Answer]] = {
            "list": self._list,
            "insert": self._insert,
            "eject": self._eject,
            "swap": self._swap,
            "state": self._state,
            "reset": self._reset,
            "power": self._power,
            "clock": self._set_clock,
            "snapshot": self._snapshot,
            "restore": self._restore,
            "load-faults": self._load_faults,
            "add-fault": self._add_fault,
            "list-faults": self._list_faults,
            "clear-faults": self._clear_faults,
            "set-latency": self._set_latency,
        }

    def answer(self, line: bytes) -> bytes:
        """The answer to a line, and its end: `{"ok": true, …}`, or `{"ok": false, "error": sentence, "kind": …}`."""
        try:
            result = {"ok": True, **self._carry_out(line)}
        except SecmodError as error:
            result = {"ok": False, "kind": type(error).__name__, "error": str(error)}
        except Exception as error:  # noqa: BLE001 - a request must not end the emulator
            _log.exception("a request on the control channel failed")
            result = {"ok": False, "kind": type(error).__name__, "error": f"this failed unexpectedly, see the log: {error}"}
        return json.dumps(result).encode() + b"\n"

    def _carry_out(self, line: bytes) -> Answer:
        request = Table(parse(line), "request", ControlError)
        verb = request.text("do", choice=self._verbs)
        answer = self._verbs[verb](request)
        if verb not in _QUIET:
            _log.info("control: %s", line.decode("utf-8", "replace").strip())
        return answer

    def _reader(self, request: Table) -> int:
        number: int = request.integer("reader", 0, 0xFFFF, 0)
        if number >= len(self._cards.slots):
            last = len(self._cards.slots) - 1
            raise NoReaderError(
                f"there is no reader {number}; "
                + (f"the last one is {last}" if last else "the only one is 0")
                + ": `secmod reader list`"
            )
        return number

    def _list(self, request: Table) -> Answer:
        request.end()
        return {"readers": [self._reader_facts(number) for number in range(len(self._cards.slots))]}

    def _reader_facts(self, number: int) -> Answer:
        slot = self._cards.slots[number]
        return {
            "reader": number,
            "connected": self._cards.connected(number),
            "inserted": slot.inserted,
            "powered": slot.powered,
            "atr": slot.card.atr.hex().upper(),
            "protocol": slot.card.protocol,
            "profile": getattr(slot.card, "profile_name", None),
        }

    def _insert(self, request: Table) -> Answer:
        number, wait = self._reader(request), _wait(request)
        request.end()
        with self._for_one_reader(number, self._cards.slots[number].card):
            self._cards.insert(number, powered_within=wait)
        return self._reader_facts(number)

    def _eject(self, request: Table) -> Answer:
        number = self._reader(request)
        request.end()
        self._cards.eject(number)
        return self._reader_facts(number)

    def _swap(self, request: Table) -> Answer:
        number, wait = self._reader(request), _wait(request)
        seed: str | None = request.text("seed", None)
        wish = Wish(
            number,
            request.text("profile", None),
            request.integer("module", 0, MAX_MODULE, None),
            None if seed is None else seed.encode(),
        )
        request.end()
        if wish.seed is not None and not 1 <= len(wish.seed) <= _LONGEST_SEED:
            raise ControlError(f"a seed has 1 to {_LONGEST_SEED} bytes")
        if self._make_card is None:
            raise ControlError("the cards of these readers are others': they can be inserted and ejected, not swapped")
        card = self._make_card(wish)
        with self._for_one_reader(number, card):
            if self._cards.slots[number].inserted:
                self._cards.eject(number)
            self._cards.insert(number, card, powered_within=wait)
        return self._reader_facts(number)

    @contextmanager
    def _for_one_reader(self, number: int, card: Card) -> Iterator[None]:
        """Within it nobody else puts the card in.  ControlError if it is in another reader, or on its way there."""
        coming = (number, card)
        with self._lock:
            there = [(reader, slot.card) for reader, slot in enumerate(self._cards.slots) if slot.inserted]
            for reader, other in (*there, *self._coming):
                if reader != number and other is card:
                    raise ControlError(f"this card is in reader {reader}; eject it there first")
            self._coming.append(coming)
        try:
            yield
        finally:
            with self._lock:
                self._coming.remove(coming)

    def _own_card(self, number: int) -> OwnCard:
        card = self._cards.slots[number].card
        if not isinstance(card, OwnCard):
            raise ControlError(
                f"the card in reader {number} is somebody else's: it tells and does nothing but what its commands do"
            )
        return card

    def _state(self, request: Table) -> Answer:
        number = self._reader(request)
        request.end()
        card = self._own_card(number)
        with self._cards.alone(number):
            return {**self._reader_facts(number), "card": card.facts()}

    def _reset(self, request: Table) -> Answer:
        number = self._reader(request)
        request.end()
        with self._cards.alone(number):
            self._cards.slots[number].restart()
        return self._reader_facts(number)

    def _power(self, request: Table) -> Answer:
        number, on = self._reader(request), request.text("to", choice=("on", "off")) == "on"
        request.end()
        with self._cards.alone(number):
            self._cards.slots[number].set_power(on=on)
        return self._reader_facts(number)

    def _set_clock(self, request: Table) -> Answer:
        number, text = self._reader(request), request.text("time", None)
        request.end()
        time = None if text is None else _time(text)
        card = self._own_card(number)
        with self._cards.alone(number):
            card.clock.set(time)
            return {"reader": number, "clock": card.facts()["clock"]}

    def _snapshot(self, request: Table) -> Answer:
        number, name = self._reader(request), request.text("name")
        request.end()
        card = self._own_card(number)
        with self._cards.alone(number):
            card.snapshot(name)
        return {"reader": number, "name": name}

    def _restore(self, request: Table) -> Answer:
        number, name = self._reader(request), request.text("name")
        request.end()
        card, slot = self._own_card(number), self._cards.slots[number]
        with self._cards.alone(number):
            powered = slot.powered
            card.restore(name)
            slot.power_lost()
            if powered:
                slot.set_power(on=True)
        return self._reader_facts(number)

    def _load_faults(self, request: Table) -> Answer:
        text, place = request.text("plan"), request.text("place", "plan")
        request.end()
        self._faults().load(text, place)
        return {"faults": self._faults().list()}

    def _add_fault(self, request: Table) -> Answer:
        text = request.text("fault")
        request.end()
        return {"number": self._faults().add(text)}

    def _list_faults(self, request: Table) -> Answer:
        request.end()
        return {"faults": self._faults().list()}

    def _clear_faults(self, request: Table) -> Answer:
        number = request.integer("number", 1, MAX_MODULE, None)
        request.end()
        self._faults().clear(number)
        return {"faults": self._faults().list()}

    def _set_latency(self, request: Table) -> Answer:
        name, seed = request.text("chip", None), request.text("seed", "")
        request.end()
        from secmod.reader.latency import load_chip, set_latency  # noqa: PLC0415 - not loaded while it is not asked for

        chip = None if name is None else load_chip(name)
        set_latency(self._cards, chip, seed)
        return {"chip": None if chip is None else chip.name}


def _new_faults(cards: Cards) -> Faults:
    from secmod.reader.faults import Faults  # noqa: PLC0415 - not loaded while there is no plan

    return Faults(cards)


_QUIET: Final = frozenset({"list", "state", "list-faults"})  # nothing changes


def parse(line: bytes) -> dict[str, Any]:
    """A line as a JSON object; ControlError for anything else."""
    if len(line) > MAX_REQUEST:
        raise ControlError(f"a request has at most {MAX_REQUEST:,} bytes")
    try:
        request = json.loads(line, parse_int=_integer, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ControlError(f"a request is one JSON object in one line: {error}") from None
    if not isinstance(request, dict):
        raise ControlError(f"a request is one JSON object in one line, not {line[:40]!r}")
    return request


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError(f"a number of {len(text)} digits")
    return int(text)


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number of JSON")


def _wait(request: Table) -> float | None:
    wait: float | None = request.number("wait", 0, MAX_WAIT, None)
    return wait or None


def _time(text: str) -> datetime:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ControlError(f"{text!r} is no time: write it as 2026-11-23T08:00:00Z") from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


__all__ = ["MAX_REQUEST", "MAX_WAIT", "Cards", "Control", "OwnCard", "Wish", "parse"]
