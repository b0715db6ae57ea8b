# SPDX-License-Identifier: Apache-2.0
"""One reader as pcscd keeps it: handles, sharing, transactions, power and protocol of its card.  Knows no socket.

Two locks.  `_card` is held by whoever asks the card something, as long as that takes; `_state` guards all else, and nobody
waits for a card under it: so a removal, and what needs no card, never waits for a long command.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import IntEnum
from typing import Final

from secmod.apdu.cursor import Cursor
from secmod.errors import LinkError, TlvError
from secmod.reader.direct.features import CONTROLS, ESCAPE, Facts, attribute
from secmod.reader.direct.messages import (
    EXCLUSIVE,
    MAX_DATA,
    MAX_HANDLES,
    MAX_NAME,
    READER,
    Disposition,
    Protocol,
    ReaderState,
    Result,
    Share,
)
from secmod.reader.frame import HEADER, Fault, Frame, FrameType
from secmod.reader.slot import Card, Slot

_FAULT: Final = int(FrameType.FAULT)
_NO_CARD: Final = int(Fault.NO_CARD)
_CONTENTION: Final = 0.1  # s that a transaction waits for another one before the program is told
_CARD_WAIT: Final = 2.0  # s for a card that somebody else works with, where pcscd's driver would give up as well
_SILENCE: Final = 2.0  # s without a sign of life after which pcscd's driver gives up
_LOOK: Final = 0.02  # s between looks of a silent card whether anybody still waits
_ANY: Final = Protocol.T0 | Protocol.T1
_USABLE: Final = _ANY | Protocol.RAW | Protocol.ANY_OLD
_NAMES: Final = {0: Protocol.T0, 1: Protocol.T1, 15: Protocol.T15}


class _Power(IntEnum):
    OFF = 0
    UNUSED = 1  # powered; switched off when nobody comes
    IN_USE = 2


class Handle:
    """A program's connection to the card."""

    __slots__ = ("event", "number", "reader")

    def __init__(self, number: int, reader: DirectReader) -> None:
        self.number = number
        self.reader = reader
        self.event: Result = Result.SUCCESS  # RESET_CARD or REMOVED_CARD until the program reconnects


class Work:
    """A command that the card is busy with; whoever takes its `reply` answers it."""

    __slots__ = ("reply",)

    def __init__(self, reply: Callable[[Result], None]) -> None:
        self.reply = [reply]

    def take(self) -> Callable[[Result], None] | None:
        """The right to answer, once; None for everybody after that."""
        try:
            return self.reply.pop()  # atomic, so the way of an APDU needs no lock more
        except IndexError:
            return None


class _BusyError(Exception):
    """Somebody else's command does not end."""


def atr_protocols(atr: bytes) -> tuple[Protocol, Protocol]:
    """Offered and default protocol of a card (ISO/IEC 7816-3 clause 8.2.3); both UNDEFINED if it is none or names others."""
    none = Protocol.UNDEFINED, Protocol.UNDEFINED
    cursor = Cursor(atr)
    offered = default = Protocol.UNDEFINED
    try:
        if cursor.take_int(1) not in {0x3B, 0x3F}:
            return none
        following, group = cursor.take_int(1) >> 4, 1
        while following:
            ta = cursor.take_int(1) if following & 1 else None
            cursor.take((following >> 1 & 1) + (following >> 2 & 1))
            td = cursor.take_int(1) if following & 8 else None
            following = 0 if td is None else td >> 4
            if td is not None:
                offered |= _NAMES.get(td & 0x0F, Protocol.UNDEFINED)
                default = default or _ANY & _NAMES.get(td & 0x0F, Protocol.UNDEFINED)
                if not default:
                    return none
            if group == 2 and ta is not None:  # specific mode: no choice
                offered = default = _ANY & _NAMES.get(ta & 0x0F, Protocol.UNDEFINED)
                if not default:
                    return none
            group += 1
    except TlvError:
        return none
    return offered | default or Protocol.T0, default or Protocol.T0


def refuse_mode(share: int, protocols: int) -> Result:
    """What is wrong with the arguments of SCardConnect before any reader is looked at; SUCCESS if nothing is."""
    if share != Share.DIRECT and not protocols & _USABLE:
        return Result.PROTO_MISMATCH
    return Result.SUCCESS if share in set(Share) else Result.INVALID_VALUE


class DirectReader:
    """A slot with the rules of pcscd around it.

    `changed` is called, without a lock, whenever the entry in the table of states is another one.  A card that nobody uses
    loses its power after `unused_after` seconds (`tick`).
    """

    def __init__(self, slot: Slot, name: str, number: int, changed: Callable[[], None], unused_after: float) -> None:
        self.slot = slot
        self.name = f"{name} {number:02X} 00"
        self.working: Work | None = None
        self.lock_owner = 0  # number of the handle that holds the transaction or the exclusive connection
        self.protocol = Protocol.UNDEFINED
        self.card_state = ReaderState.ABSENT
        self._number = number
        self._announce = changed
        self._unused_after = unused_after
        self._handles: dict[int, Handle] = {}
        self._sharing = 0
        self._lock_count = 0
        self._atr = b""
        self._line_protocol = Protocol.T1
        self._events = 0
        self._power = _Power.OFF
        self._unused_since = 0.0
        self._closed = False
        self._card = threading.Lock()
        self._state = threading.Condition(threading.Lock())
        self._moving = threading.Lock()  # insertion and removal take turns
        self.entry = b""
        self._publish()

    # ---- the card comes and goes ---------------------------------------------------------------------------------------------

    def insert(self, card: Card | None = None) -> None:
        """The card is in and has power; LinkError if one was in already."""
        with self._moving:
            self.slot.insert(card)
            self.power_inserted()

    def power_inserted(self) -> None:
        """The card in the slot is shown to programs, powered; mute if it does not answer."""
        atr = None
        try:
            with self._asking():
                atr = self._power_up(FrameType.POWER_UP)
        except _BusyError:  # the one before it is still at work
            pass
        with self._state:
            self._enter(atr)
            self._events = self._events + 1 & 0xFFFF
            self._publish()
        self._announce()

    def eject(self) -> None:
        """The card is out, a command it works on has ended; LinkError if the reader is empty."""
        with self._moving:
            with self._state:
                self.slot.eject()
                for handle in self._handles.values():
                    handle.event = Result.REMOVED_CARD
                self._unlock_all()
                self._leave()
                self._events = self._events + 1 & 0xFFFF
                self._publish()
                work = self.working
            self._announce()
        self.give_up(work, Result.NO_SMARTCARD)

    def give_up(self, work: Work | None, result: Result) -> None:
        """Answers a command in the card's place, unless the card was quicker."""
        if work is not None and (reply := work.take()) is not None:
            reply(result)

    # What faults do to the line (`Line`), besides `insert` and `eject`; called by the thread that asks the card.

    def silence(self, seconds: float | None) -> None:
        """Without a sign of life the program is told after two seconds that there was no answer, as by pcscd's driver."""
        work, begin = self.working, time.monotonic()
        while not self._closed:
            passed = time.monotonic() - begin
            if passed >= _SILENCE:
                self.give_up(work, Result.NOT_TRANSACTED)
            if seconds is None and (work is None or not work.reply):
                return  # somebody has answered in the card's place
            if seconds is not None and (passed >= seconds or not self.slot.inserted):
                return
            time.sleep(_LOOK if seconds is None else min(_LOOK, seconds - passed))

    def storm(self, count: int) -> bool:
        """Programs know no keep-alives."""
        return False

    def part(self, answer: bytes) -> None:
        """Programs take whole answers only."""

    def close(self) -> None:
        """Nobody waits here any longer."""
        with self._state:
            self._closed = True
            self._state.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Nobody else works with the card; LinkError if the one at work does not come to an end."""
        try:
            with self._asking():
                yield
        except _BusyError:
            raise LinkError(f"the card in {self.name} is at work and does not come to an end") from None

    def power_off(self) -> None:
        """The card has lost its power, unless it is at work for ever."""
        if self._card.acquire(blocking=False):
            self.slot.link_lost()
            self._card.release()

    def tick(self, now: float) -> None:
        """Switches an unused card off when its time has come."""
        if not self._expired(now) or not self._card.acquire(blocking=False):
            return
        try:
            with self._state:
                if not self._expired(now):
                    return
                self._power = _Power.OFF
                self.protocol = Protocol.UNDEFINED
                self._publish()
            self._ask(FrameType.POWER_DOWN)
        finally:
            self._card.release()

    def _expired(self, now: float) -> bool:
        return self._power is _Power.UNUSED and now - self._unused_since >= self._unused_after

    # ---- connections ---------------------------------------------------------------------------------------------------------

    def connect(self, share: int, protocols: int) -> tuple[Result, Handle | None, Protocol]:
        """SCardConnect: result, handle, active protocol."""
        with self._state:
            if self._sharing != EXCLUSIVE:
                self._state.wait_for(lambda: self._closed or not self.lock_owner)
            if self._sharing == EXCLUSIVE:
                return Result.SHARING_VIOLATION, None, Protocol.UNDEFINED
            if share == Share.DIRECT and protocols & Protocol.RAW:
                self.protocol = Protocol.RAW
        if share != Share.DIRECT:
            result = self._make_ready(protocols)
            if result is not Result.SUCCESS:
                return result, None, Protocol.UNDEFINED
        with self._state:
            result, handle = self._add_handle(share)
            if handle is not None and share != Share.DIRECT and self._power is _Power.UNUSED:
                self._power = _Power.IN_USE  # somebody has just left
            self._publish()
            protocol = self.protocol
        self._announce()
        return result, handle, protocol

    def _add_handle(self, share: int) -> tuple[Result, Handle | None]:
        if self._sharing == EXCLUSIVE or (share == Share.EXCLUSIVE and self._sharing):
            return Result.SHARING_VIOLATION, None
        if len(self._handles) >= MAX_HANDLES:
            return Result.INTERNAL_ERROR, None
        number = secrets.randbelow(0x7FFFFFFF) + 1
        while number in self._handles:
            number = secrets.randbelow(0x7FFFFFFF) + 1
        handle = self._handles[number] = Handle(number, self)
        if share == Share.EXCLUSIVE:
            self._sharing = EXCLUSIVE
            self._lock(number)
        else:
            self._sharing += 1
        return Result.SUCCESS, handle

    def reconnect(self, handle: Handle, share: int, protocols: int, initialization: int) -> tuple[Result, Protocol]:
        """SCardReconnect: result and active protocol."""
        if initialization not in {Disposition.LEAVE, Disposition.RESET, Disposition.UNPOWER} or share not in set(Share):
            return Result.INVALID_VALUE, Protocol.UNDEFINED
        if share != Share.DIRECT and not protocols & _USABLE:
            return Result.PROTO_MISMATCH, Protocol.UNDEFINED
        if self._foreign(handle):
            return Result.SHARING_VIOLATION, Protocol.UNDEFINED
        result = self._initialize(initialization)
        if result is Result.SUCCESS and protocols & Protocol.RAW:
            self.protocol = Protocol.RAW
        elif result is Result.SUCCESS and share != Share.DIRECT:
            result = self._negotiate_again(protocols)
        if result is Result.SUCCESS:
            result = self._share_anew(handle, share)
            self._announce()
        return result, self.protocol if result is Result.SUCCESS else Protocol.UNDEFINED

    def _initialize(self, initialization: int) -> Result:
        if initialization == Disposition.LEAVE:
            if self.card_state & ReaderState.ABSENT:
                return Result.NO_SMARTCARD
            return Result.UNRESPONSIVE_CARD if self.card_state & ReaderState.SWALLOWED else Result.SUCCESS
        self._notify_reset()
        result = self._cycle(cold=initialization == Disposition.UNPOWER)
        if result is Result.SUCCESS:
            return result
        return Result.NO_SMARTCARD if result is Result.REMOVED_CARD else Result.UNRESPONSIVE_CARD

    def _share_anew(self, handle: Handle, share: int) -> Result:
        with self._state:
            if share == Share.EXCLUSIVE and self._sharing != EXCLUSIVE:
                if self._sharing != 1:
                    return Result.SHARING_VIOLATION
                self._sharing = EXCLUSIVE
                self._lock(handle.number)
            elif share != Share.EXCLUSIVE and self._sharing == EXCLUSIVE:
                # pcscd would keep the lock here, and let every later connection hang.
                self._sharing = 1
                self._unlock()
            handle.event = Result.SUCCESS
            self._publish()
        return Result.SUCCESS

    def disconnect(self, handle: Handle, disposition: int) -> Result:
        """SCardDisconnect."""
        if disposition not in set(Disposition):
            return Result.INVALID_VALUE
        if disposition != Disposition.LEAVE:
            with self._state:
                self._state.wait_for(lambda: self._closed or self.lock_owner in {0, handle.number})
        if disposition in {Disposition.RESET, Disposition.UNPOWER}:
            self._notify_reset()
            if disposition == Disposition.RESET:
                self._cycle(cold=False)
            else:
                self._unpower()
        with self._state:
            if not self._foreign(handle):
                self._unlock_all()
            self._handles.pop(handle.number, None)
            self._sharing = 0 if self._sharing == EXCLUSIVE else max(0, self._sharing - 1)
            if not self._sharing and self._power is not _Power.OFF:
                self._unused()
            self._publish()
        self._announce()
        return Result.SUCCESS

    def abandon(self, handle: Handle) -> None:
        """The program has released its context, or has died: within a transaction the card is reset."""
        untouched = handle.event is Result.SUCCESS
        reset = self.lock_owner == handle.number and untouched
        self.disconnect(handle, Disposition.RESET if reset else Disposition.LEAVE)

    def status(self, handle: Handle) -> Result:
        """SCardStatus; the rest of it is in the table of states."""
        return Result.SHARING_VIOLATION if self._foreign(handle) else handle.event

    # ---- transactions --------------------------------------------------------------------------------------------------------

    def begin(self, handle: Handle) -> Result:
        """SCardBeginTransaction: at once when it is free, a violation when it is not within a tenth of a second."""
        with self._state:
            self._state.wait_for(lambda: self._closed or handle.event or not self._foreign(handle), _CONTENTION)
            if handle.event:
                return handle.event
            if self._foreign(handle):
                return Result.SHARING_VIOLATION
            self._lock(handle.number)
        return Result.SUCCESS

    def end(self, handle: Handle, disposition: int) -> Result:
        """SCardEndTransaction."""
        if disposition not in set(Disposition):
            return Result.INVALID_VALUE
        if handle.event:
            return handle.event
        if disposition != Disposition.LEAVE and self._foreign(handle):
            return Result.SHARING_VIOLATION
        result = Result.SUCCESS
        if disposition in {Disposition.RESET, Disposition.UNPOWER}:
            result = self._cycle(cold=disposition == Disposition.UNPOWER)
            self._notify_reset()
        elif disposition == Disposition.EJECT:
            result = Result.UNSUPPORTED_FEATURE
        with self._state:
            if self._foreign(handle):
                unlocked = Result.SHARING_VIOLATION
            elif self._lock_count > (self._sharing == EXCLUSIVE):
                self._unlock()
                unlocked = Result.SUCCESS
            else:
                unlocked = Result.NOT_TRANSACTED
        return result or unlocked

    def _foreign(self, handle: Handle) -> bool:
        return self.lock_owner not in {0, handle.number}

    def _lock(self, number: int) -> None:
        self.lock_owner = number
        self._lock_count += 1

    def _unlock(self) -> None:
        self._lock_count -= 1
        if not self._lock_count:
            self._unlock_all()

    def _unlock_all(self) -> None:
        self.lock_owner = self._lock_count = 0
        self._state.notify_all()

    # ---- the card ------------------------------------------------------------------------------------------------------------

    def transmit(self, handle: Handle, protocol: int, frame: bytes, work: Work) -> tuple[Result, bytes]:
        """The answer frame to a request frame, for as long as `work` is not taken.  This is the way of every APDU."""
        if self.lock_owner or handle.event or protocol != self.protocol or self.card_state is ReaderState.ABSENT:
            refused = self._refusal(handle, protocol)
            if refused is not Result.SUCCESS:
                return refused, b""
        card = self._card
        if not card.acquire(blocking=False):
            if not card.acquire(timeout=_CARD_WAIT):
                return Result.NOT_TRANSACTED, b""
            if (refused := self._refusal(handle, protocol)) is not Result.SUCCESS:
                card.release()
                return refused, b""
        self.working = work
        try:
            answer = self.slot.answer(frame)
        finally:
            self.working = None
            card.release()
        if answer[0] == _FAULT:
            return (Result.NO_SMARTCARD if answer[HEADER] == _NO_CARD and not self.slot.inserted else Result.NOT_TRANSACTED), b""
        return (Result.SUCCESS if HEADER + 2 <= len(answer) <= HEADER + MAX_DATA else Result.NOT_TRANSACTED), answer

    def _refusal(self, handle: Handle, protocol: int) -> Result:
        if self.lock_owner and self.lock_owner != handle.number:
            return Result.SHARING_VIOLATION
        if handle.event is not Result.SUCCESS:
            return handle.event
        if protocol in {self.protocol, Protocol.ANY_OLD} and not self.card_state & ReaderState.ABSENT:
            return Result.SUCCESS
        if protocol == Protocol.RAW:
            return Result.SUCCESS
        return Result.NO_SMARTCARD if self.card_state & ReaderState.ABSENT else Result.PROTO_MISMATCH

    def control(self, handle: Handle, code: int, data: bytes) -> tuple[Result, bytes]:
        """SCardControl: features of the reader, and the escape command.  Works without a card as well."""
        if self._foreign(handle):
            return Result.SHARING_VIOLATION, b""
        if code in CONTROLS:
            return Result.SUCCESS, CONTROLS[code]
        if code != ESCAPE:
            return Result.UNSUPPORTED_FEATURE, b""
        try:
            with self._asking():
                fault, answer = self._ask(FrameType.ESCAPE, data)
        except _BusyError:
            return Result.NOT_TRANSACTED, b""
        if fault is not None:
            return Result.UNSUPPORTED_FEATURE if fault is Fault.NOT_SUPPORTED else Result.NOT_TRANSACTED, b""
        return (Result.SUCCESS, answer) if len(answer) <= MAX_DATA else (Result.INSUFFICIENT_BUFFER, b"")

    def attribute(self, handle: Handle, identifier: int) -> tuple[Result, bytes]:
        """SCardGetAttrib."""
        if (result := self.status(handle)) is not Result.SUCCESS:
            return result, b""
        with self._state:
            facts = Facts(self.name, self._number, self.slot.inserted, self.slot.powered, self._atr, self._line_protocol)
        value = attribute(identifier, facts)
        return (Result.UNSUPPORTED_FEATURE, b"") if value is None else (Result.SUCCESS, value)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Alone with the card; _BusyError if somebody else does not come to an end."""
        if not self._card.acquire(timeout=_CARD_WAIT):
            raise _BusyError
        try:
            yield
        finally:
            self._card.release()

    def _ask(self, kind: FrameType, payload: bytes = b"") -> tuple[Fault | None, bytes]:
        answer = self.slot.answer(Frame(kind, 0, payload).encode())
        return (Fault(answer[HEADER]), b"") if answer[0] == _FAULT else (None, answer[HEADER:])

    def _power_up(self, kind: FrameType) -> bytes | None:
        """The ATR, or None if there is none that could be one."""
        fault, atr = self._ask(kind)
        self._line_protocol = Protocol.T1
        return atr if fault is None and 2 <= len(atr) <= 33 else None

    def _make_ready(self, protocols: int) -> Result:
        """The card has power and speaks one of the protocols."""
        if not self.card_state & ReaderState.PRESENT:
            return Result.NO_SMARTCARD
        try:
            with self._asking():
                if self._power is _Power.OFF:
                    atr = self._power_up(FrameType.POWER_UP)
                    with self._state:
                        if not self.slot.inserted:
                            return Result.NO_SMARTCARD
                        self._enter(atr)
                        self._publish()
                if not self.card_state & ReaderState.POWERED:
                    return Result.UNPOWERED_CARD
                unused_since = self._unused_since if self._power is _Power.UNUSED else time.monotonic()
                self._power = _Power.IN_USE
                result = self._negotiate(protocols)
                if result is not Result.SUCCESS and not self._sharing:
                    self._unused(unused_since)  # who only tries does not keep a card in a protocol that nobody speaks
                return result
        except _BusyError:
            return Result.UNRESPONSIVE_CARD

    def _negotiate_again(self, protocols: int) -> Result:
        try:
            with self._asking():
                result = self._negotiate(protocols)
        except _BusyError:
            return Result.UNRESPONSIVE_CARD
        if result is Result.SUCCESS:
            self._power = _Power.IN_USE
        return result

    def _negotiate(self, protocols: int) -> Result:
        """T=1 if both want it, else T=0; once chosen it stays until the card is reset (PPS, ISO/IEC 7816-3 clause 9)."""
        if protocols & Protocol.RAW:
            self.protocol = Protocol.RAW
            return Result.SUCCESS
        if self.protocol is not Protocol.UNDEFINED:
            return Result.SUCCESS if protocols & self.protocol else Result.PROTO_MISMATCH
        offered, default = atr_protocols(self._atr)
        wanted = (_ANY if protocols & Protocol.ANY_OLD else Protocol(protocols & _ANY)) & offered
        if not wanted:
            return Result.PROTO_MISMATCH
        chosen = Protocol.T1 if wanted & Protocol.T1 else Protocol.T0
        fault, _ = self._ask(FrameType.PROTOCOL, b"\1" if chosen is Protocol.T1 else b"\0")
        if fault is None:
            self._line_protocol = chosen
        elif fault is not Fault.NOT_SUPPORTED or default == wanted:
            return Result.UNRESPONSIVE_CARD
        else:
            chosen = default
        with self._state:
            self.protocol = chosen
            self._publish()
        return Result.SUCCESS

    def _cycle(self, *, cold: bool) -> Result:
        """The card is reset; SUCCESS, REMOVED_CARD or NOT_TRANSACTED."""
        try:
            with self._asking():
                if cold:
                    self._ask(FrameType.POWER_DOWN)
                atr = self._power_up(FrameType.POWER_UP if cold else FrameType.RESET)
                with self._state:
                    if not self.slot.inserted:
                        return Result.REMOVED_CARD
                    power = self._power
                    self._enter(atr)
                    if power is _Power.IN_USE:
                        self._power = power
                    self._publish()
        except _BusyError:
            return Result.NOT_TRANSACTED
        if atr is None:
            self._announce()
        return Result.SUCCESS if atr is not None else Result.NOT_TRANSACTED

    def _unpower(self) -> None:
        with suppress(_BusyError), self._asking():
            self._ask(FrameType.POWER_DOWN)
            with self._state:
                self._power = _Power.OFF
                self.protocol = Protocol.UNDEFINED
                self.card_state = ReaderState.PRESENT if self.slot.inserted else ReaderState.ABSENT

    # ---- state ---------------------------------------------------------------------------------------------------------------

    def _enter(self, atr: bytes | None) -> None:
        """What an answer to reset means, or that there was none."""
        if not self.slot.inserted:
            self._leave()
            return
        self.protocol = Protocol.UNDEFINED
        self._atr = atr or b""
        self.card_state = ReaderState.READY if atr else ReaderState.MUTE
        if atr:
            self._unused()
        else:
            self._power = _Power.OFF

    def _leave(self) -> None:
        self._atr = b""
        self.protocol = Protocol.UNDEFINED
        self.card_state = ReaderState.ABSENT
        self._power = _Power.OFF

    def _unused(self, since: float | None = None) -> None:
        self._power = _Power.UNUSED
        self._unused_since = time.monotonic() if since is None else since

    def _notify_reset(self) -> None:
        with self._state:
            for handle in self._handles.values():
                handle.event = Result.RESET_CARD
            self._state.notify_all()

    def _publish(self) -> None:
        name = self.name.encode()[:MAX_NAME]
        self.entry = READER.pack(name, self._events, self.card_state, self._sharing, self._atr, len(self._atr), self.protocol)


__all__ = ["DirectReader", "Handle", "Work", "atr_protocols", "refuse_mode"]
