# SPDX-License-Identifier: Apache-2.0
"""One reader with its card: a request frame in, an answer frame out.  Knows no socket and starts no thread."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Final, Protocol

from secmod.apdu.t0 import T0Mapper
from secmod.errors import EmptyReaderError, LinkError
from secmod.reader.frame import HEADER, MAX_FRAME, Fault, Frame, FrameType

_log = logging.getLogger(__name__)

_TRANSMIT: Final = bytes([FrameType.TRANSMIT, 0, 0, 0])  # and the reserved bytes
_T0: Final = b"\x00"
_T1: Final = b"\x01"
_LOOK: Final = 0.0005  # s between looks whether the card has come to an end


class Card(Protocol):
    """What a reader needs of a card."""

    @property
    def atr(self) -> bytes:
        """Answer to reset, 2 to 33 bytes (ISO/IEC 7816-3 clause 8)."""

    @property
    def protocol(self) -> str:
        """`T1`, or `T0` for a card that speaks nothing else."""

    def power_on(self) -> bytes:
        """Cold start; returns the ATR."""

    def power_off(self) -> None:
        """All volatile state is gone."""

    def reset(self) -> bytes:
        """Warm reset; returns the ATR."""

    def transmit(self, command: bytes, /) -> bytes:
        """The response APDU (2 to 65,548 bytes) to a command APDU."""


class NoAnswerError(Exception):
    """Instead of an answer there is a fault."""

    def __init__(self, fault: Fault = Fault.FAILED) -> None:
        self.fault = fault
        super().__init__(fault.name)


Transmit = Callable[[bytes], bytes]


class Line(Protocol):
    """What faults can do to the line between a reader and whoever uses it; called while its card is at work."""

    def insert(self) -> None:
        """The card is in; LinkError if one was in."""

    def eject(self) -> None:
        """The card is out; LinkError if none was in."""

    def silence(self, seconds: float | None) -> None:
        """The host gets no sign of life for so many seconds, while the card is in; None: until it has given up."""

    def storm(self, count: int) -> bool:
        """The host gets so many signs of life; False if there are none on this line."""

    def part(self, answer: bytes) -> None:
        """The host gets the beginning of an answer, if it takes answers in parts."""


class Place(IntEnum):
    """Where an interposer stands; the last one is next to the reader."""

    LATENCY = 0
    FAULTS = 1


class Interposer(Protocol):
    """What stands between a card and its reader: faults, or the time that a chip would take."""

    def commands(self, transmit: Transmit) -> Transmit:
        """What is bound instead of `transmit` when the card gets power, is reset, or chooses its protocol."""

    def start(self, start: Callable[[], bytes]) -> bytes:
        """Powers or resets the card by `start`, which returns the ATR; returns what the reader takes for the ATR."""


def _no_power(_command: bytes) -> bytes:
    raise NoAnswerError(Fault.NO_CARD)


def _traced(transmit: Callable[[bytes], bytes], name: str) -> Callable[[bytes], bytes]:
    """The same, with both directions logged; chosen when the card gets power, so it costs nothing otherwise."""

    def logged(command: bytes) -> bytes:
        _log.debug("%s > %s", name, command.hex().upper())
        response = transmit(command)
        _log.debug("%s < %s", name, response.hex().upper())
        return response

    return logged


class Slot:
    """One reader: its card, the socket its driver listens on, and whether the card is in.

    `escape` answers CCID escape commands (SCARD_CTL_CODE(1)), with bytes for bytes; without it they are not supported.
    The reader's thread calls `answer` and `link_lost`; `insert`, `eject` and `hold` may come from any other, and within `hold`
    what else works with the card.
    """

    def __init__(
        self,
        card: Card,
        address: str | Path,
        *,
        inserted: bool = True,
        escape: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.card = card
        self.address = Path(address)
        self.inserted = inserted
        self.powered = False
        self._escape = escape
        self._interposers: dict[Place, Interposer] = {}
        self._lock = threading.Lock()  # guards the binding below, never held while the card works
        self._alone = threading.Lock()  # held by whoever works with the card for another reason than a command
        self.gone = threading.Event()  # set while no card is in: ends the waiting for one that works
        self._held = False
        self._at_door = False
        self._insertion = 0
        self._cold = True
        self._protocol = card.protocol
        self._bound: Callable[[bytes], bytes] = _no_power
        self._transmit: Callable[[bytes], bytes] = _no_power  # the same, or a door that is shut
        self._requests: dict[int, Callable[[bytes], bytes]] = {
            FrameType.POWER_UP: self._power_up,
            FrameType.POWER_DOWN: self._power_down,
            FrameType.RESET: self._reset,
            FrameType.PROTOCOL: self._choose_protocol,
            FrameType.ESCAPE: self._answer_escape,
        }

    def insert(self, card: Card | None = None) -> None:
        """The card is in, without power yet; LinkError if one was in already."""
        with self._lock:
            if self.inserted:
                raise LinkError(f"the reader on {self.address} holds a card already; eject it first")
            self.card = card or self.card
            self.inserted = True
            self.gone.clear()

    def eject(self) -> None:
        """The card is out and has lost its power; LinkError if none was in."""
        with self._lock:
            if not self.inserted:
                raise EmptyReaderError(f"the reader on {self.address} is empty; insert a card first")
            self.inserted = False
            self.gone.set()
            self._insertion += 1
            self._cold = True
            self._unbind()

    def link_lost(self) -> None:
        """Without a driver there is no power."""
        with self._alone:
            self._power_down(b"")

    @contextmanager
    def hold(self, working: Callable[[], bool], patience: float) -> Iterator[None]:
        """Nobody else works with the card; commands wait.  LinkError if the one at work does not end within `patience` seconds.

        `working` tells whether the reader's thread is in `answer`.
        """
        end = time.monotonic() + patience
        if not self._alone.acquire(timeout=patience):
            raise LinkError(f"the card in the reader on {self.address} is at work and does not come to an end")
        try:
            with self._lock:
                self._held, self._transmit = True, self._wait_at_door
            while working() and not self._at_door:
                if time.monotonic() > end:
                    raise LinkError(f"the card in the reader on {self.address} is at work and does not come to an end")
                time.sleep(_LOOK)
            yield
        finally:
            with self._lock:
                self._held, self._transmit = False, self._bound
            self._alone.release()

    @contextmanager
    def _through_door(self) -> Iterator[None]:
        self._at_door = True
        with self._alone:
            self._at_door = False
            yield

    def _wait_at_door(self, command: bytes) -> bytes:
        with self._through_door():
            pass
        return self._transmit(command)

    def restart(self) -> bytes:
        """Within `hold`: the card has started anew by itself, programs have not been told; returns the ATR.

        LinkError if it has no power.
        """
        if not self.powered:
            raise LinkError(
                f"the card in the reader on {self.address} has no power; connect to it, or `secmod card power on`, first"
            )
        atr = self.card.reset()
        with self._removal_named():
            self._bind(self.card, self._insertion, self._protocol)
        return atr

    def set_power(self, *, on: bool) -> None:
        """Within `hold`: the card's power has come or gone, programs have not been told.  LinkError if there is no card."""
        with self._removal_named():
            if not self.inserted:
                raise NoAnswerError(Fault.NO_CARD)
            (self._power_up if on else self._power_down)(b"")

    def power_lost(self) -> None:
        """The card has lost its power while it was at work: nothing reaches it until it gets power again."""
        with self._lock:
            self._unbind()

    def interpose(self, place: Place, interposer: Interposer | None) -> None:
        """From now on this stands between card and reader; None, the normal case: nothing does.

        What was half done (a GET RESPONSE of T=0 that is still to come) is forgotten.
        """
        with self._lock:
            others = {known: standing for known, standing in self._interposers.items() if known is not place}
            self._interposers = others if interposer is None else dict(sorted({**others, place: interposer}.items()))
            if self.powered:
                self._connect(self.card, self._protocol)

    def interposed(self, place: Place) -> Interposer | None:
        """What stands there."""
        return self._interposers.get(place)

    def _started(self, start: Callable[[], bytes]) -> bytes:
        """The ATR; a card that gives none has no power."""
        for interposer in self._interposers.values():
            start = partial(interposer.start, start)
        try:
            return start()
        except NoAnswerError:
            self._power_down(b"")
            raise

    @contextmanager
    def _removal_named(self) -> Iterator[None]:
        try:
            yield
        except NoAnswerError as error:
            if error.fault is Fault.NO_CARD:
                raise EmptyReaderError(f"the reader on {self.address} is empty; insert a card first") from None
            raise LinkError(f"the reader on {self.address} holds a card that does not answer") from None

    def answer(self, frame: bytes) -> bytes:
        """The answer frame to a request frame; LinkError if it is none.  This is the way of every APDU."""
        try:
            if frame[:4] == _TRANSMIT and HEADER < len(frame) <= MAX_FRAME:
                return frame[:HEADER] + self._transmit(frame[HEADER:])
            return self._answer_other(frame)
        except NoAnswerError as error:
            fault = error.fault
        except LinkError:
            raise
        except Exception:  # noqa: BLE001 - a card that fails must not take its reader along
            _log.exception("the card in the reader on %s failed", self.address)
            fault = Fault.FAILED
        return Frame(FrameType.FAULT, int.from_bytes(frame[4:HEADER], "little"), bytes([fault])).encode()

    def _answer_other(self, raw: bytes) -> bytes:
        frame = Frame.parse(raw)
        if frame.type not in self._requests:
            raise LinkError(f"a {frame.type.name} frame is no request")
        with self._through_door():
            return raw[:HEADER] + self._requests[frame.type](frame.payload)

    def _power_up(self, _payload: bytes) -> bytes:
        with self._lock:
            if not self.inserted:
                raise NoAnswerError(Fault.NO_CARD)
            card, insertion, cold = self.card, self._insertion, self._cold
        if cold:
            card.power_off()  # it may have been taken out under power
        atr = self._started(card.power_on)
        self._bind(card, insertion, card.protocol)
        return atr

    def _power_down(self, _payload: bytes) -> bytes:
        with self._lock:
            self._unbind()
            card = self.card
        card.power_off()
        return b""

    def _reset(self, payload: bytes) -> bytes:
        if not self.powered:
            return self._power_up(payload)
        card, insertion = self.card, self._insertion
        atr = self._started(card.reset)
        self._bind(card, insertion, card.protocol)
        return atr

    def _choose_protocol(self, payload: bytes) -> bytes:
        if payload not in {_T0, _T1} or (payload == _T1 and self.card.protocol == "T0"):
            raise NoAnswerError(Fault.NOT_SUPPORTED)
        if not self.powered:
            raise NoAnswerError(Fault.NO_CARD)
        self._bind(self.card, self._insertion, "T0" if payload == _T0 else "T1")
        return b""

    def _bind(self, card: Card, insertion: int, protocol: str) -> None:
        """Commands reach the card from now on, unless it was taken out meanwhile."""
        with self._lock:
            if insertion != self._insertion or not self.inserted:
                raise NoAnswerError(Fault.NO_CARD)
            self.powered = True
            self._cold = False
            self._protocol = protocol
            self._connect(card, protocol)

    def _connect(self, card: Card, protocol: str) -> None:
        """Within the lock: this is the way of a command."""
        transmit: Transmit = T0Mapper(card.transmit) if protocol == "T0" else card.transmit
        for interposer in self._interposers.values():
            transmit = interposer.commands(transmit)
        self._bound = _traced(transmit, self.address.stem) if _log.isEnabledFor(logging.DEBUG) else transmit
        if not self._held:
            self._transmit = self._bound

    def _unbind(self) -> None:
        """Within the lock: no command reaches the card."""
        self.powered = False
        self._bound = _no_power
        if not self._held:
            self._transmit = _no_power

    def _answer_escape(self, payload: bytes) -> bytes:
        if self._escape is None:
            raise NoAnswerError(Fault.NOT_SUPPORTED)
        return self._escape(payload)


__all__ = ["Card", "Interposer", "Line", "NoAnswerError", "Place", "Slot", "Transmit"]
