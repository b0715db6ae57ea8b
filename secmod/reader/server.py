# SPDX-License-Identifier: Apache-2.0
"""The card process: one blocking thread per reader, insertion and removal, keep-alive, reconnecting.

A blocking thread per reader is the shortest way of an APDU in Python: receive, `card.transmit`, send.
"""

from __future__ import annotations

import logging
import select
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Final, Self

from secmod.errors import LinkError
from secmod.reader.frame import HEADER, MAX_FRAME, Frame, FrameType
from secmod.reader.link import Link, NotThereError
from secmod.reader.slot import Card, Line, Slot

_log = logging.getLogger(__name__)

_TRANSMIT: Final = int(FrameType.TRANSMIT)
KEEP_ALIVE: Final = 0.5  # s; a driver with a short deadline is served more often
PATIENCE: Final = 60.0  # s; a card that works longer than this counts as lost
_RETRY: Final = (0.02, 0.1)  # s between attempts to connect, first and last
_MAX_CLOSED: Final = 50  # handshakes cut off in a row; a driver that restarts does that once
_SWITCH_INTERVAL: Final = 0.0005  # s; Python's 5 ms would be the delay of an APDU while another card computes
_EVENT_TIMEOUT: Final = 2.0  # s to get an event into the socket
_HOLD: Final = 2.0  # s for a command to end that somebody waits for
_LOOK_MS: Final = 20  # between looks of a silent card whether it is time to stop
_JOIN: Final = 2.0  # s for a thread to end; a card that hangs must not hang us


class _Reader(threading.Thread):
    """Serves one slot until it is told to stop or the driver refuses for good."""

    def __init__(self, slot: Slot, changed: threading.Condition) -> None:
        super().__init__(name=f"reader {slot.address.name}", daemon=True)
        self.slot = slot
        self.failure: LinkError | None = None
        self.working: bytes | None = None  # the request that the card is busy with; the watchdog looks at it
        self.deadline = 0.0
        self.data: socket.socket | None = None
        self._changed = changed  # notified on every change that somebody may wait for
        self._stopping = threading.Event()
        self._events: socket.socket | None = None
        self._event_lock = threading.Lock()
        self._opening: list[socket.socket] = []

    @property
    def connected(self) -> bool:
        return self._events is not None

    def run(self) -> None:
        try:
            while (link := self._connect()) is not None:
                try:
                    self._serve(link)
                finally:
                    self._disconnect(link)
        except LinkError as error:
            self.failure = error
            _log.error("%s", error)
        finally:
            self._notify()

    def stop(self) -> None:
        self._stopping.set()
        self._hang_up()

    def announce(self, kind: FrameType) -> None:
        """Tells the driver of a change; without a driver it learns the state when it comes."""
        if self._events is None:
            return
        try:
            self._events.send(Frame(kind).encode())
        except OSError:  # the driver is gone or stuck: begin anew
            self._hang_up()

    def change(self, kind: FrameType, card: Card | None = None) -> None:
        """Inserts or ejects, and announces it, as one step."""
        with self._event_lock:
            if kind is FrameType.INSERTED:
                self.slot.insert(card)
            else:
                self.slot.eject()
            self.announce(kind)
        self._notify()

    # What faults do to the line (`Line`), called by the thread itself.

    def insert(self) -> None:
        """The card is in; LinkError if one was in."""
        self.change(FrameType.INSERTED)

    def eject(self) -> None:
        """The card is out; LinkError if none was in."""
        self.change(FrameType.REMOVED)

    def silence(self, seconds: float | None) -> None:
        """No keep-alive for so long, while the card is in; without a limit until the driver asks for something else."""
        self.working, data = None, self.data
        if seconds is not None:
            self.slot.gone.wait(seconds)
            return
        poll = select.poll()
        if data is not None:
            poll.register(data, select.POLLIN)
            while not self._stopping.is_set() and not poll.poll(_LOOK_MS):
                pass

    def storm(self, count: int) -> bool:
        """So many keep-alives, as fast as the driver takes them."""
        data, request = self.data, self.working
        for _ in range(count):
            if data is None or request is None or not self.slot.inserted:
                break
            try:
                data.send(bytes([FrameType.KEEP_ALIVE]) + request[1:HEADER])
            except OSError:
                break
        return True

    def part(self, answer: bytes) -> None:
        """A driver takes whole answers only."""

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _hang_up(self) -> None:
        """Wakes the thread out of its waiting; it closes the sockets itself."""
        for sock in self._opening[:]:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _opened(self, sock: socket.socket) -> None:
        self._opening.append(sock)
        if self._stopping.is_set():
            raise NotThereError

    def _connect(self) -> Link | None:
        """The next link, or None when it is time to stop."""
        pause, last = _RETRY
        closed = 0
        while not self._stopping.is_set():
            self._opening.clear()
            try:
                return Link.open(self.slot.address, self._opened)
            except NotThereError:
                closed = closed + 1 if self._opening else 0
            if closed == _MAX_CLOSED:
                raise LinkError(
                    f"socket {self.slot.address}: every connection is ended at once; is it pcscd with libifdsecmod.so?"
                )
            self._stopping.wait(pause)
            pause = min(pause * 1.5, last)
        return None

    def _serve(self, link: Link) -> None:
        link.events.settimeout(_EVENT_TIMEOUT)
        self.deadline = link.deadline
        self.data = link.data
        with self._event_lock:
            self._events = link.events
            if self.slot.inserted:
                self.announce(FrameType.INSERTED)
        _log.info("reader on %s is connected", self.slot.address)
        self._notify()
        receive, send, answer = link.data.recv, link.data.send, self.slot.answer
        try:
            while request := receive(MAX_FRAME + 1):
                self.working = request
                reply = answer(request)
                self.working = None
                send(reply)
                if request[0] != _TRANSMIT:
                    self._notify()
        except OSError:
            pass  # the driver went away: as good as an end of file
        except LinkError as error:  # that was no frame: begin anew, as the driver does
            _log.error("socket %s: %s; the connection is ended", self.slot.address, error)
            self._stopping.wait(_RETRY[0])

    def _disconnect(self, link: Link) -> None:
        with self._event_lock:
            self._events = None
        self.data = None
        self.working = None
        self._opening.clear()
        link.close()
        self.slot.link_lost()
        _log.info("reader on %s is disconnected", self.slot.address)
        self._notify()


class Server:
    """Serves cards to the reader driver, one thread per slot, from `start` to `stop`; a context manager.

    While a card works longer than `keep_alive` seconds the driver is told so; after `patience` seconds no longer, and
    then its own deadline ends the command.
    """

    def __init__(self, slots: Sequence[Slot], *, keep_alive: float | None = KEEP_ALIVE, patience: float = PATIENCE) -> None:
        self._changed = threading.Condition()
        self._readers = [_Reader(slot, self._changed) for slot in slots]
        self._keep_alive = keep_alive
        self._patience = patience
        self._stopping = threading.Event()
        self._switch_interval = sys.getswitchinterval()

    def start(self) -> Self:
        """The threads run and look for their drivers."""
        sys.setswitchinterval(min(self._switch_interval, _SWITCH_INTERVAL))
        for reader in self._readers:
            reader.start()
        if self._keep_alive is not None:
            threading.Thread(target=self._watch, args=(self._keep_alive,), name="keep-alive", daemon=True).start()
        return self

    def stop(self) -> None:
        """All connections are closed; the readers are empty.  A card that hangs is left behind after two seconds."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        for reader in self._readers:
            reader.stop()
        end = time.monotonic() + _JOIN
        for reader in self._readers:
            if reader.ident is not None:
                reader.join(max(0.0, end - time.monotonic()))
        sys.setswitchinterval(self._switch_interval)
        with self._changed:
            self._changed.notify_all()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def insert(self, reader: int, card: Card | None = None, *, powered_within: float | None = None) -> None:
        """Puts the card (or another one) into a reader; LinkError if one is in.

        With `powered_within` (seconds) it returns when the PC/SC service has powered the card, and raises LinkError if
        that does not happen in time.
        """
        self._readers[reader].change(FrameType.INSERTED, card)
        if powered_within is not None:
            self.wait_powered(reader, powered_within)

    def eject(self, reader: int) -> None:
        """Takes the card out; a command it is working on is lost.  LinkError if the reader is empty."""
        self._readers[reader].change(FrameType.REMOVED)

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots, by number of the reader."""
        return tuple(reader.slot for reader in self._readers)

    def line(self, reader: int) -> Line:
        """What faults do to the reader's line."""
        return self._readers[reader]

    def alone(self, reader: int) -> AbstractContextManager[None]:
        """Within it nobody else works with the card; LinkError if a command does not end within two seconds."""
        served = self._readers[reader]
        return served.slot.hold(lambda: served.working is not None, _HOLD)

    def connected(self, reader: int) -> bool:
        """Whether the reader's driver has taken the connection."""
        return self._readers[reader].connected

    def wait_connected(self, timeout: float) -> None:
        """Returns when every reader has its driver; LinkError if one refuses, or after `timeout` seconds."""
        self._wait_for(lambda: all(reader.connected for reader in self._readers), timeout, "no reader driver came")

    def wait_powered(self, reader: int, timeout: float) -> None:
        """Returns when the PC/SC service has powered the card; LinkError after `timeout` seconds."""
        self._wait_for(lambda: self._readers[reader].slot.powered, timeout, "the card was not powered")

    def wait(self, timeout: float | None = None) -> bool:
        """Returns True after `stop`, False after `timeout` seconds; LinkError as soon as a driver refuses for good."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopping.is_set() or self._failure() is not None, timeout)
        if not self._stopping.is_set() and (failure := self._failure()) is not None:
            raise failure
        return self._stopping.is_set()

    def _failure(self) -> LinkError | None:
        return next((reader.failure for reader in self._readers if reader.failure is not None), None)

    def _wait_for(self, condition: Callable[[], bool], timeout: float, otherwise: str) -> None:
        with self._changed:
            done = self._changed.wait_for(lambda: condition() or self._failure() is not None, timeout)
        if (failure := self._failure()) is not None:
            raise failure
        if not done:
            raise LinkError(f"{otherwise} within {timeout:g} s: does pcscd run, with libifdsecmod.so in its reader.conf?")

    def _watch(self, interval: float) -> None:
        """Sends keep-alives for requests that are older than one look; so the way of an APDU needs no clock."""
        seen: list[tuple[bytes, float] | None] = [None] * len(self._readers)
        while not self._stopping.is_set():
            with self._changed:  # a new driver may have a shorter deadline
                self._changed.wait(min([interval, *(reader.deadline / 4 for reader in self._readers if reader.deadline)]))
            now = time.monotonic()
            for i, reader in enumerate(self._readers):
                work, last = reader.working, seen[i]
                if work is None or last is None or work is not last[0]:
                    seen[i] = None if work is None else (work, now)
                elif now - last[1] < self._patience:
                    _keep_alive(reader.data, work)


def _keep_alive(data: socket.socket | None, request: bytes) -> None:
    if data is None:
        return
    with suppress(OSError):  # gone, or so full that the driver is not waiting
        data.send(bytes([FrameType.KEEP_ALIVE]) + request[1:HEADER], socket.MSG_DONTWAIT)


__all__ = ["KEEP_ALIVE", "PATIENCE", "Server"]
