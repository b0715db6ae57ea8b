# SPDX-License-Identifier: Apache-2.0
"""A PC/SC service of our own: speaks pcscd's socket protocol, so programs need neither pcscd nor driver nor root.

Programs find it when PCSCLITE_CSOCK_NAME names its socket.  It behaves as pcscd 1.9.9 with our driver does; what differs on
purpose: events are told at once and not up to 0.4 s later, a transaction that ends lets the next one begin at once, and
SCardReconnect from exclusive to shared gives the lock back.
"""

from __future__ import annotations

import logging
import socket
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final, Self

from secmod.errors import LinkError
from secmod.reader.direct import messages as m
from secmod.reader.direct.client import Client
from secmod.reader.direct.messages import Result
from secmod.reader.direct.reader import DirectReader, Work
from secmod.reader.listener import Listener
from secmod.reader.slot import Card, Line, Slot

_log = logging.getLogger(__name__)

SOCKET_NAME: Final = "pcscd.comm"
VARIABLE: Final = "PCSCLITE_CSOCK_NAME"
PATIENCE: Final = 60.0  # s; a card that works longer than this has failed
UNUSED_AFTER: Final = 5.0  # s; pcscd's own
_LOOK: Final = 0.5  # s between looks for unused cards and endless commands
_SWITCH_INTERVAL: Final = 0.0005  # s; Python's 5 ms would be the delay of an APDU while another card computes
_JOIN: Final = 2.0  # s for threads to end; a card that hangs must not hang us
_BACKLOG: Final = 256


class DirectServer:
    """Shows cards to PC/SC programs on the socket `path`, from `start` to `stop`; a context manager.

    `group` may use them besides root and our own user, `patience` is how long (s) a card may work, `unused_after` (s) it keeps
    its power when nobody uses it.
    """

    def __init__(
        self,
        slots: Sequence[Slot],
        path: str | Path,
        *,
        group: str | None = None,
        patience: float = PATIENCE,
        unused_after: float = UNUSED_AFTER,
    ) -> None:
        if not 1 <= len(slots) <= m.MAX_READERS:
            raise LinkError(f"{len(slots)} readers can not be shown: the table has 1 to {m.MAX_READERS} places")
        self._listener = Listener(path, group=group, backlog=_BACKLOG, directory_mode=0o700 if group is None else 0o755)
        self.path = self._listener.path
        self._readers = [
            DirectReader(slot, f"secmod reader {number}", number, self._changed, unused_after)
            for number, slot in enumerate(slots)
        ]
        self._by_name = {reader.name.encode(): reader for reader in self._readers}
        self._empty = bytes(m.READER.size * (m.MAX_READERS - len(slots)))
        self._patience = patience
        self._look = min(_LOOK, patience / 4, unused_after / 4)
        self._clients: dict[Client, None] = {}  # in the order of their coming
        self._waiting: set[Client] = set()
        self._lock = threading.Lock()  # guards the two sets, and that states come before changes
        self._stopping = threading.Event()
        self._switch_interval = sys.getswitchinterval()
        self._threads: list[threading.Thread] = []

    @property
    def env(self) -> dict[str, str]:
        """What a program's environment needs to find this service."""
        return {VARIABLE: str(self.path)}

    def start(self) -> Self:
        """Programs can connect, and the cards have power; LinkError if the socket can not be had."""
        self._listener.open()
        sys.setswitchinterval(min(self._switch_interval, _SWITCH_INTERVAL))
        for reader in self._readers:
            if reader.slot.inserted:
                reader.power_inserted()
        for target in (self._accept, self._watch_cards):
            thread = threading.Thread(target=target, name=f"direct {target.__name__}", daemon=True)
            self._threads.append(thread)
            thread.start()
        return self

    def stop(self) -> None:
        """All connections are closed, the socket is gone, the cards have no power.  A card that hangs is left behind."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._listener.shut()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            client.stop()
        for reader in self._readers:
            reader.close()
        end = time.monotonic() + _JOIN
        for join in [*(thread.join for thread in self._threads), *(client.join for client in clients)]:
            join(max(0.0, end - time.monotonic()))
        for reader in self._readers:
            reader.power_off()
        self._listener.close()
        sys.setswitchinterval(self._switch_interval)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def insert(self, reader: int, card: Card | None = None, *, powered_within: float | None = None) -> None:
        """Puts the card (or another one) into a reader; it has power afterwards.  LinkError if one is in.

        With `powered_within` (any number) LinkError also if the card has not answered to reset.
        """
        self._readers[reader].insert(card)
        if powered_within is not None and not self._readers[reader].slot.powered:
            raise LinkError(f"the card in {self._readers[reader].name} is in, and did not answer to reset")

    def eject(self, reader: int) -> None:
        """Takes the card out; a command it is working on is lost.  LinkError if the reader is empty."""
        self._readers[reader].eject()

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The slots, by number of the reader."""
        return tuple(reader.slot for reader in self._readers)

    def line(self, reader: int) -> Line:
        """What faults do to the reader's line."""
        return self._readers[reader]

    def alone(self, reader: int) -> AbstractContextManager[None]:
        """Within it nobody else works with the card; LinkError if a command does not end within two seconds."""
        return self._readers[reader].alone()

    def connected(self, reader: int) -> bool:
        """True: programs need nothing else to see the reader."""
        return True

    def wait(self, timeout: float | None = None) -> bool:
        """Returns True after `stop`, False after `timeout` seconds."""
        return self._stopping.wait(timeout)

    # ---- for the clients -----------------------------------------------------------------------------------------------------

    def reader(self, name: bytes) -> DirectReader | None:
        """The reader of this name."""
        return self._by_name.get(name)

    def states(self) -> bytes:
        """The table of all readers, 16 places."""
        return b"".join([reader.entry for reader in self._readers]) + self._empty

    def watch(self, client: Client) -> None:
        """The client gets the table now, and is told of the next change."""
        with self._lock:
            self._waiting.add(client)
            client.push(self.states())

    def unwatch(self, client: Client, result: Result) -> bool:
        """The client waits no longer and gets this result; nothing happens, and False, if it has been told already."""
        with self._lock:
            if client not in self._waiting:
                return False
            self._waiting.remove(client)
            client.push(m.WAKE.pack(0, result))
        return True

    def cancel(self, context: int) -> bool:
        """Ends the waiting of a context; False if there is no such context, or it does not wait."""
        with self._lock:
            found = next((client for client in self._clients if context and client.context == context), None)
        return found is not None and self.unwatch(found, Result.CANCELLED)

    def forget(self, client: Client) -> None:
        """The client has gone."""
        with self._lock:
            self._clients.pop(client, None)
            self._waiting.discard(client)

    def _changed(self) -> None:
        message = m.WAKE.pack(0, Result.SUCCESS)
        with self._lock:
            for client in self._waiting:
                client.push(message)
            self._waiting.clear()

    # ---- threads -------------------------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                sock = self._listener.accept()
            except OSError as error:
                if self._stopping.is_set():
                    return
                _log.error("no connection could be taken: %s", error)
                self._stopping.wait(_LOOK)  # out of descriptors: others will leave
                continue
            if sock is None:
                continue
            try:
                self._admit(sock)
            except RuntimeError as error:  # no thread to be had
                _log.error("a program was turned away: %s", error)
                sock.close()

    def _admit(self, sock: socket.socket) -> None:
        client = Client(self, sock)
        with self._lock:
            idle = self._make_room()
            room = len(self._clients) < m.MAX_CONTEXTS and not self._stopping.is_set()
            if room:
                self._clients[client] = None
        if idle is not None:
            idle.stop()
        if not room:
            _log.warning("a program was turned away: %d are connected already", m.MAX_CONTEXTS)
            sock.close()
            return
        try:
            client.start()
        except RuntimeError:
            self.forget(client)
            raise

    def _make_room(self) -> Client | None:
        """If all places are taken: gives up that of the connection which came first and has established no context."""
        if len(self._clients) < m.MAX_CONTEXTS:
            return None
        idle = next((client for client in self._clients if not client.context), None)
        if idle is not None:
            _log.warning("a connection without a context had to make room: %d are open", m.MAX_CONTEXTS)
            del self._clients[idle]
        return idle

    def _watch_cards(self) -> None:
        """Ends commands that do not end, and switches unused cards off; so the way of an APDU needs no clock."""
        seen: dict[DirectReader, tuple[Work, float]] = {}
        while not self._stopping.wait(self._look):
            now = time.monotonic()
            for reader in self._readers:
                reader.tick(now)
                work = reader.working
                if work is None or reader not in seen or seen[reader][0] is not work:
                    if work is not None:
                        seen[reader] = (work, now)
                elif now - seen[reader][1] >= self._patience:
                    _log.error("the card in %s does not answer: the command is given up", reader.name)
                    reader.give_up(work, Result.NOT_TRANSACTED)


__all__ = ["DirectServer"]
