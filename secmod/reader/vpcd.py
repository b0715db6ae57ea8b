# SPDX-License-Identifier: Apache-2.0
"""The link between a vpcd and its cards (vsmartcard), both ends: our card in somebody's vpcd, somebody's card in our reader.

A message is its length (2 bytes, big-endian) and its bytes.  One byte is a control: 0 power off, 1 power on, 2 reset, all without
an answer, 4 asks for the ATR.  Anything longer is a command APDU, answered by the response.  The card connects to the vpcd.

Each message goes out in one write without delay, and each received one is acknowledged at once: a vpcd writes length and bytes
apart, and its second write would otherwise wait 40 ms for our acknowledgement.
"""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from enum import IntEnum
from typing import Final, Self

from secmod.apdu import SW
from secmod.errors import LinkError
from secmod.reader.frame import HEADER, Frame, FrameType
from secmod.reader.slot import Card, Line, Slot

_log = logging.getLogger(__name__)

PORT: Final = 35963
HOST: Final = "127.0.0.1"
MAX_MESSAGE: Final = 0xFFFF
DEADLINE: Final = 60.0  # s for somebody else's card to answer
_ATR_DEADLINE: Final = 5.0  # s; before that it is no card
_LENGTH: Final = 2
_RETRY: Final = (0.02, 0.5)  # s between attempts to connect, first and last
_CONNECT: Final = 10.0  # s
_HOLD: Final = 2.0  # s for a command to end that somebody waits for
_LOOK_MS: Final = 20  # between looks of a silent card whether it is time to stop
_JOIN: Final = 2.0  # s for a thread to end
_GUESTS: Final = 64  # connections at once; who comes above that is turned away
_WRONG_LENGTH: Final = SW.WRONG_LENGTH.to_bytes(2, "big")
_NO_DIAGNOSIS: Final = SW.NO_DIAGNOSIS.to_bytes(2, "big")


class Control(IntEnum):
    """Messages of one byte."""

    POWER_OFF = 0
    POWER_ON = 1
    RESET = 2
    GET_ATR = 4


class Channel:
    """Messages over a TCP connection.  Its methods raise OSError when it breaks, and when a `deadline` that was set passes."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._end: float | None = None
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._acknowledge()

    def _acknowledge(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # the kernel forgets it again and again

    def deadline(self, seconds: float) -> None:
        """What follows has so much time together: a byte now and then gains none."""
        self._end = time.monotonic() + seconds
        self.socket.settimeout(seconds)

    def _take(self, count: int) -> bytes:
        taken = self.socket.recv(count)
        self._acknowledge()
        while taken and len(taken) < count:
            if self._end is not None:
                self.socket.settimeout(max(0.001, self._end - time.monotonic()))
            part = self.socket.recv(count - len(taken))
            self._acknowledge()
            if not part:
                return b""
            taken += part
        return taken

    def receive(self) -> bytes | None:
        """The next message, empty ones too; None at the end of the connection."""
        head = self._take(_LENGTH)
        length = int.from_bytes(head, "big")
        if not head or not length:
            return b"" if head else None
        return self._take(length) or None

    def check_silence(self) -> None:
        """Nothing has come that nobody has asked for; it would be taken for the next answer."""
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        if poll.poll(0):
            raise OSError("it speaks unasked" if self.socket.recv(1, socket.MSG_PEEK) else "it has left")

    def send(self, message: bytes) -> None:
        """One message, at most 65,535 bytes, in one write."""
        self.socket.sendall(len(message).to_bytes(_LENGTH, "big") + message)

    def hang_up(self) -> None:
        """Whoever waits for a message gets the end of the connection."""
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)


def parse_address(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `HOST`, `:PORT` or `PORT`, what is missing being 127.0.0.1:35963; LinkError for anything else."""
    host, colon, port = text.rpartition(":") if ":" in text else ("", ":", text) if text.isdecimal() else (text, "", "")
    bare = ":" in host and not (host.startswith("[") and host.endswith("]"))  # an IPv6 address stands in brackets
    if bare or (port and not (port.isdecimal() and 0 < int(port) <= 0xFFFF)):
        raise LinkError(f"{text!r} is no address of a vpcd: write HOST:PORT, for example {HOST}:{PORT}")
    return host.strip("[]") or HOST, int(port or PORT) if colon or port else PORT


class VpcdReader(threading.Thread):
    """Our card in somebody's vpcd: connects, and connects again, from `start` to `stop`, while the card is in its slot."""

    def __init__(self, slot: Slot, host: str, port: int, changed: Callable[[], None] = lambda: None) -> None:
        super().__init__(name=f"vpcd {host}:{port}", daemon=True)
        self.slot = slot
        self.connected = False
        self.working = False
        self._atr: bytes | None = None  # the last answer to reset, empty if there was none; None without power
        self._address = (host, port)
        self._changed = changed
        self._stopping = threading.Event()
        self._card_in = threading.Event()
        self._channel: Channel | None = None
        if slot.inserted:
            self._card_in.set()

    def insert(self, card: Card | None = None) -> None:
        """The card is in: the vpcd will see it connect.  LinkError if one was in."""
        self.slot.insert(card)
        self._card_in.set()

    def eject(self) -> None:
        """The card is out: it leaves the vpcd.  LinkError if none was in."""
        self._card_in.clear()
        self.slot.eject()
        self._hang_up()

    # What faults do to the line (`Line`), besides `insert` and `eject`; called by the thread itself.

    def silence(self, seconds: float | None) -> None:
        """Nothing is sent for so long, while the card is in; without a limit until the vpcd gives up, and the connection ends."""
        if seconds is not None:
            self.slot.gone.wait(seconds)
            return
        if (channel := self._channel) is not None:
            poll = select.poll()
            poll.register(channel.socket, select.POLLIN)
            while not self._stopping.is_set() and not poll.poll(_LOOK_MS):
                pass
        self._hang_up()

    def storm(self, count: int) -> bool:
        """A vpcd knows no keep-alives."""
        return False

    def part(self, answer: bytes) -> None:
        """The beginning of an answer whose length promises more."""
        if (channel := self._channel) is not None:
            with suppress(OSError):
                channel.socket.sendall((len(answer) + 1).to_bytes(_LENGTH) + answer)

    def stop(self) -> None:
        """The card leaves the vpcd for good."""
        self._stopping.set()
        self._card_in.set()
        self._hang_up()

    def run(self) -> None:
        """The thread."""
        while self._card_in.wait() and not self._stopping.is_set():
            if (sock := self._connect()) is None:
                return
            with sock:
                self._channel = channel = Channel(sock)
                self._set_connected(connected=True)
                if self.slot.inserted and not self._stopping.is_set():
                    with suppress(OSError):  # the vpcd went away: as good as an end
                        self._serve(channel)
                self._channel = None
            self._atr = None
            self.slot.link_lost()
            self._set_connected(connected=False)

    def _set_connected(self, *, connected: bool) -> None:
        self.connected = connected
        _log.info("%s a vpcd at %s:%d", "connected to" if connected else "disconnected from", *self._address)
        self._changed()

    def _hang_up(self) -> None:
        if (channel := self._channel) is not None:
            channel.hang_up()

    def _connect(self) -> socket.socket | None:
        pause, last = _RETRY
        while not self._stopping.is_set():
            try:
                sock = socket.create_connection(self._address, timeout=_CONNECT)
            except OSError:
                self._stopping.wait(pause)
                pause = min(pause * 1.5, last)
                continue
            sock.settimeout(None)
            return sock
        return None

    def _serve(self, channel: Channel) -> None:
        transmit = bytes([FrameType.TRANSMIT]) + bytes(HEADER - 1)
        answer, receive, send = self.slot.answer, channel.receive, channel.send
        while (message := receive()) is not None:
            if len(message) == 1:
                self._obey(channel, message[0])
                continue
            if message:
                self.working = True
                frame = answer(transmit + message)
                self.working = False
                send(frame[HEADER:] if frame[0] == transmit[0] and len(frame) <= HEADER + MAX_MESSAGE else _NO_DIAGNOSIS)
            else:
                send(_WRONG_LENGTH)

    def _obey(self, channel: Channel, control: int) -> None:
        requests = {Control.POWER_OFF: FrameType.POWER_DOWN, Control.POWER_ON: FrameType.POWER_UP, Control.RESET: FrameType.RESET}
        if control == Control.GET_ATR:
            channel.send(self.slot.card.atr if self._atr is None else self._atr)
        elif control in requests:
            self.working = True
            answer = Frame.parse(self.slot.answer(Frame(requests[Control(control)]).encode()))
            self.working = False
            started = b"" if answer.type is FrameType.FAULT else answer.payload
            self._atr = None if control == Control.POWER_OFF else started
            self._changed()
        else:
            _log.warning("a vpcd sends control %d, which means nothing to a card", control)


class VpcdServer:
    """Our cards in somebody's vpcd, one connection each, to `port` and the ports behind it; a context manager."""

    def __init__(self, slots: Sequence[Slot], host: str = HOST, port: int = PORT) -> None:
        self._changed = threading.Condition()
        self._readers = [VpcdReader(slot, host, port + number, self._notify) for number, slot in enumerate(slots)]
        self._stopped = False

    def start(self) -> Self:
        """The cards look for their vpcd."""
        for reader in self._readers:
            reader.start()
        return self

    def stop(self) -> None:
        """The cards have left."""
        for reader in self._readers:
            reader.stop()
        for reader in self._readers:
            if reader.ident is not None:
                reader.join(_JOIN)
        self._stopped = True
        self._notify()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def insert(self, reader: int, card: Card | None = None, *, powered_within: float | None = None) -> None:
        """The card (or another one) goes to its vpcd; LinkError if one is there.

        With `powered_within` (seconds) it returns when the vpcd has powered it; LinkError if that does not happen in time.
        """
        self._readers[reader].insert(card)
        if powered_within is not None:
            self.wait_powered(reader, powered_within)

    def wait_powered(self, reader: int, timeout: float) -> None:
        """Returns when the vpcd has powered the card; LinkError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._readers[reader].slot.powered, timeout):
                raise LinkError(f"no vpcd powered the card within {timeout:g} s: does it listen there?")

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
        return served.slot.hold(lambda: served.working, _HOLD)

    def connected(self, reader: int) -> bool:
        """Whether the card is in its vpcd."""
        return self._readers[reader].connected

    def eject(self, reader: int) -> None:
        """The card leaves its vpcd; LinkError if it is not there."""
        self._readers[reader].eject()

    def wait_connected(self, timeout: float) -> None:
        """Returns when every card is in its vpcd; LinkError after `timeout` seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: all(reader.connected for reader in self._readers), timeout):
                raise LinkError(f"no vpcd took the card within {timeout:g} s: does it listen there?")

    def wait(self, timeout: float | None = None) -> bool:
        """Returns True after `stop`, False after `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self._stopped, timeout)

    def _notify(self) -> None:
        with self._changed:
            self._changed.notify_all()


class NoCard:
    """What is in a reader before the first vpcd card comes."""

    atr = b""
    protocol = "T1"

    def power_on(self) -> bytes:
        """LinkError: there is nothing to power."""
        raise LinkError("no card has come yet")

    reset = power_on

    def power_off(self) -> None:
        """Nothing happens."""

    def transmit(self, command: bytes, /) -> bytes:
        """LinkError: there is nobody to answer."""
        raise LinkError("no card has come yet")


class VpcdCard:
    """Somebody else's card at the other end of a connection; what is asked of it ends with LinkError when that breaks."""

    def __init__(self, sock: socket.socket, deadline: float = DEADLINE) -> None:
        self._channel = Channel(sock)
        self._deadline = deadline
        self.protocol = "T1"
        self.atr = self._ask_atr()
        if not 2 <= len(self.atr) <= 33:
            raise LinkError(f"{len(self.atr)} bytes are no answer to reset")

    def power_on(self) -> bytes:
        """Cold start; returns the ATR."""
        return self._start(Control.POWER_ON)

    def reset(self) -> bytes:
        """Warm reset; returns the ATR."""
        return self._start(Control.RESET)

    def power_off(self) -> None:
        """All volatile state is gone."""
        with suppress(LinkError):  # so it is when the card has left
            self._send(bytes([Control.POWER_OFF]))

    def transmit(self, command: bytes, /) -> bytes:
        """The response; 6700 to a command that this link can not carry (a single byte, more than 65,535)."""
        if not 1 < len(command) <= MAX_MESSAGE:
            return _WRONG_LENGTH
        return self._exchange(command, self._deadline)

    def _start(self, control: Control) -> bytes:
        self._send(bytes([control]))
        self.atr = self._ask_atr()
        return self.atr

    def _ask_atr(self) -> bytes:
        return self._exchange(bytes([Control.GET_ATR]), _ATR_DEADLINE)

    def _send(self, message: bytes) -> None:
        try:
            self._channel.deadline(_ATR_DEADLINE)
            self._channel.send(message)
        except OSError as error:
            raise LinkError(f"the card has left its vpcd connection: {error}") from error

    def _exchange(self, message: bytes, deadline: float) -> bytes:
        """An answer that does not come in time ends the connection: the next one would be taken for it."""
        try:
            self._channel.deadline(deadline)
            self._channel.check_silence()
            self._channel.send(message)
            answer = self._channel.receive()
        except OSError as error:
            self._channel.hang_up()
            raise LinkError(f"the card does not answer on its vpcd connection: {error}") from error
        if answer is None:
            raise LinkError("the card has left its vpcd connection")
        return answer


class VpcdListener:
    """Others' vpcd cards in one of our readers: whoever connects to 127.0.0.1:`port` is inserted, and ejected when it leaves.

    One card at a time; the next one waits, having said its ATR: who connects and is none keeps nobody from coming.  Port 0 takes
    a free one, see `port`.
    """

    def __init__(
        self, port: int, insert: Callable[[Card], None], eject: Callable[[], None], *, deadline: float = DEADLINE
    ) -> None:
        self._insert = insert
        self._eject = eject
        self._deadline = deadline
        self._stopping = threading.Event()
        self._turn = threading.Lock()  # held by the card that is in
        self._guests: set[socket.socket] = set()
        self._lock = threading.Lock()  # guards the set
        self._thread: threading.Thread | None = None
        try:
            self._listener = socket.create_server((HOST, port), backlog=_GUESTS)
        except OSError as error:
            raise LinkError(f"can not listen on {HOST}:{port}: {error.strerror or error}; choose another port") from error
        self.port: int = self._listener.getsockname()[1]

    def start(self) -> Self:
        """Cards may come."""
        self._thread = threading.Thread(target=self._run, name=f"vpcd listener {self.port}", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """The card, if there is one, is out, and no other comes."""
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._thread is not None:
            self._thread.join(_JOIN)
        with self._lock:
            for sock in self._guests:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        if self._turn.acquire(timeout=_JOIN):  # the card is out
            self._turn.release()
        self._listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                if not self._stopping.is_set():
                    self._stopping.wait(_RETRY[1])
                continue
            with self._lock:
                room = len(self._guests) < _GUESTS and not self._stopping.is_set()
                if room:
                    self._guests.add(sock)
            if room:
                threading.Thread(target=self._welcome, args=(sock,), name=f"vpcd guest {self.port}", daemon=True).start()
            else:
                sock.close()

    def _welcome(self, sock: socket.socket) -> None:
        try:
            card = VpcdCard(sock, self._deadline)
            with self._turn:
                self._serve(card, sock)
        except (LinkError, OSError) as error:
            _log.warning("who connected to port %d is no card, or finds no place: %s", self.port, error)
        finally:
            with self._lock:
                self._guests.discard(sock)
            sock.close()

    def _serve(self, card: VpcdCard, sock: socket.socket) -> None:
        if self._stopping.is_set():
            return
        self._insert(card)
        _log.info("a vpcd card has come to port %d", self.port)
        _wait_for_end(sock)
        with suppress(LinkError):  # somebody else has taken it out
            self._eject()
        _log.info("the vpcd card has left port %d", self.port)


def _wait_for_end(sock: socket.socket) -> None:
    """Returns when the other end, or `stop`, has closed the connection; what is received belongs to others."""
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    poll.poll()


__all__ = [
    "Channel",
    "Control",
    "NoCard",
    "VpcdCard",
    "VpcdListener",
    "VpcdReader",
    "VpcdServer",
    "parse_address",
]
