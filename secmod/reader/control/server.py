# SPDX-License-Identifier: Apache-2.0
"""The control channel's socket: a thread for each client, so none of them can be in the way of another, or of a card."""

from __future__ import annotations

import logging
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from secmod.reader.control.requests import MAX_REQUEST, Control
from secmod.reader.listener import Listener

_log = logging.getLogger(__name__)

SOCKET_NAME: Final = "control.sock"
MAX_CLIENTS: Final = 16
IDLE: Final = 60.0  # s that a client may say nothing, or not read
_PAUSE: Final = 0.5  # s when no descriptor is to be had
_JOIN: Final = 1.0  # s for a thread to end
_CHUNK: Final = 1 << 16


class ControlServer:
    """Answers requests on the socket `path`, from `start` to `stop`; a context manager.  `group` as for `Listener`."""

    def __init__(self, control: Control, path: str | Path, *, group: str | None = None, idle: float = IDLE) -> None:
        self._control = control
        self._listener = Listener(path, group=group)
        self.path = self._listener.path
        self._idle = idle
        self._clients: dict[socket.socket, float] = {}  # with the time of the last sign of life
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> Self:
        """Clients can connect; LinkError if the socket can not be had."""
        self._listener.open()
        self._thread = threading.Thread(target=self._accept, name="control", daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        """All connections are closed, and the socket is gone.  A request that is being carried out gets no answer."""
        self._stopping.set()
        self._listener.shut()
        with self._lock:
            clients = list(self._clients)
        for client in clients:
            _hang_up(client)
        if self._thread is not None:
            self._thread.join(_JOIN)
        self._listener.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client = self._listener.accept()
            except OSError as error:
                if not self._stopping.is_set():
                    _log.error("no connection could be taken: %s", error)
                    self._stopping.wait(_PAUSE)
                continue
            if client is not None:
                self._admit(client)

    def _admit(self, client: socket.socket) -> None:
        with self._lock:
            if len(self._clients) >= MAX_CLIENTS:
                silent = min(self._clients, key=self._clients.__getitem__)
                _log.warning("too many control clients: the one that was silent longest is dropped")
                _hang_up(silent)
                del self._clients[silent]
            self._clients[client] = time.monotonic()
        try:
            threading.Thread(target=self._serve, args=(client,), name="control client", daemon=True).start()
        except RuntimeError as error:  # no thread to be had
            _log.error("a control client was turned away: %s", error)
            self._forget(client)

    def _forget(self, client: socket.socket) -> None:
        with self._lock:
            self._clients.pop(client, None)
        client.close()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(self._idle)
        try:
            with suppress(OSError):  # it left, or was silent, or did not read
                self._answer_all(client)
        finally:
            self._forget(client)

    def _answer_all(self, client: socket.socket) -> None:
        waiting = bytearray()
        while chunk := client.recv(_CHUNK):
            with self._lock:
                if client in self._clients:
                    self._clients[client] = time.monotonic()
            *lines, rest = chunk.split(b"\n")
            for line in lines:
                waiting += line
                if waiting.strip():
                    client.sendall(self._control.answer(bytes(waiting)))
                waiting.clear()
            waiting += rest
            if len(waiting) > MAX_REQUEST:
                client.sendall(self._control.answer(bytes(waiting)))  # says what is wrong with it
                return


def _hang_up(client: socket.socket) -> None:
    """Its thread closes it."""
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)


__all__ = ["IDLE", "MAX_CLIENTS", "SOCKET_NAME", "ControlServer"]
