# SPDX-License-Identifier: Apache-2.0
"""A card over a store in a process of its own, forked in a few milliseconds, which can be killed at any moment: a transport.

The child does what `secmod serve` does with a card: it opens the store, builds the card over it, and answers commands.  It looks
at its card before the first command, and again when it is asked (facts.py).
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import pickle
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from secmod.emulator import build_card
from secmod.errors import NoCardError, SecmodError
from secmod.store import Durability, Store
from tests.campaigns.facts import Facts, facts_of
from tests.campaigns.load import PROFILE

_ROOM = 1 << 20
_PATIENCE = 30.0  # s without an answer: it hangs

Guesses = Mapping[int, tuple[str, ...]]


class KilledError(NoCardError):
    """The process was killed before it answered."""


class BrokenError(AssertionError):
    """The process has said what must not be: a traceback, an error in the log, or nothing at all."""


class RefusedError(Exception):
    """The process could not open its store, and has said why in one sentence."""


class Faults:
    """The storage faults of this process (storage_faults.c), if they are loaded; all calls are passed on otherwise."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(None)
        self.loaded = hasattr(self._library, "storage_faults_arm")

    def arm(self, at: int, action: int, count: int) -> None:
        """Calls from number `at` on fail, as many as `count` says; the count begins anew."""
        self._library.storage_faults_arm(ctypes.c_long(at), ctypes.c_int(action), ctypes.c_long(count))

    @property
    def calls(self) -> int:
        """Calls since then."""
        return int(self._library.storage_faults_calls())

    def log_to(self, descriptor: int) -> None:
        """Calls are logged from now on."""
        self._library.storage_faults_log(ctypes.c_int(descriptor))

    def beneath(self, folder: Path) -> None:
        """Files beneath this folder are meant."""
        self._library.storage_faults_folder(ctypes.c_char_p(str(folder).encode()))

    def mark(self, number: int) -> None:
        """A mark in the log."""
        self._library.storage_faults_mark(ctypes.c_long(number))


class CardProcess:
    """The child; `facts` is what its card was when it had opened the store.

    `work` is how long the child may still work, in seconds, before it is killed; None: for ever; `worked` is how long it has.
    `before` runs in the child before it opens the store.  Raises KilledError, BrokenError, or RefusedError if the store does not
    open.
    """

    def __init__(
        self,
        directory: Path,
        guesses: Guesses,
        *,
        work: float | None = None,
        before: Callable[[], None] | None = None,
        durability: Durability = "full",
    ) -> None:
        self.atr, self.protocol, self.name = b"", "T1", "card process"
        self.work = work
        self.worked = 0.0
        self.directory = directory
        self._socket, child = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.pid = os.fork()
        if self.pid == 0:
            self._socket.close()
            _Child(child, directory, guesses, durability).run(before)
        child.close()
        self.dead = False
        answer = self._receive()
        if isinstance(answer, RefusedError):
            self.kill()
            raise answer
        self.atr, self.facts = answer

    # ---- a transport ---------------------------------------------------------------------------------------------------------

    def transmit(self, command: bytes) -> bytes:
        """The card's response.  Raises KilledError, or BrokenError if the child says something else."""
        response: bytes = self.ask("transmit", command)
        return response

    def reset(self) -> None:
        """A warm reset."""
        self.ask("reset")

    def close(self) -> None:
        """The store is closed in good order, and the process has ended."""
        if not self.dead:
            with contextlib.suppress(KilledError):
                self.ask("close")
            self._reap()

    # ---- more ----------------------------------------------------------------------------------------------------------------

    def ask(self, what: str, *arguments: Any) -> Any:
        """What the child's method of this name returns."""
        try:
            self._socket.send(pickle.dumps((what, arguments)))
        except OSError as error:
            self._reap()
            raise KilledError(str(error)) from error
        return self._receive()

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        if not self.dead:
            os.kill(self.pid, signal.SIGKILL)
            self._reap()

    def _reap(self) -> None:
        if not self.dead:
            self.dead = True
            self._socket.close()
            os.waitpid(self.pid, 0)

    def _receive(self) -> Any:
        began = time.monotonic()
        limit = _PATIENCE if self.work is None else max(0.0, self.work)
        ready, _, _ = select.select([self._socket], [], [], limit)
        took = time.monotonic() - began
        self.worked += took
        if self.work is not None:
            self.work -= took
        if not ready:
            self.kill()
            if self.work is None:
                raise BrokenError(f"the card says nothing for {_PATIENCE:.0f} s")
            raise KilledError("killed")
        try:
            raw = self._socket.recv(_ROOM)
        except OSError:
            raw = b""
        if not raw:
            self._reap()
            raise KilledError("the card process is gone")
        well, answer = pickle.loads(raw)  # noqa: S301  (it comes from our own child)
        if not well:
            self.kill()
            raise BrokenError(answer)
        return answer


class _Errors(logging.Handler):
    """Keeps what is logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(self.format(record))


class _Child:
    """The child's side: one method for each thing that it can be asked."""

    def __init__(self, connection: socket.socket, directory: Path, guesses: Guesses, durability: Durability) -> None:
        self._durability = durability
        self._connection = connection
        self._directory = directory
        self._guesses = guesses
        self._errors = _Errors()
        self._faults = Faults()

    def run(self, before: Callable[[], None] | None) -> NoReturn:
        """Until it is killed, asked to close, or its parent is gone."""
        try:
            logging.getLogger("secmod").handlers = [self._errors]
            if before is not None:
                before()
            self._open()
            while raw := self._connection.recv(_ROOM):
                what, arguments = pickle.loads(raw)  # noqa: S301  (it comes from our own parent)
                self._say(getattr(self, what)(*arguments))
                if what == "close":
                    break
        except BaseException:  # noqa: BLE001  (whatever it is, the parent must know)
            with contextlib.suppress(OSError):
                self._connection.send(pickle.dumps((False, traceback.format_exc())))
        finally:
            sys.stdout.flush()
            os._exit(0)

    def _open(self) -> None:
        try:
            self._store = Store.open(self._directory, durability=self._durability)
            self._card = build_card(PROFILE, store=self._store.module(0))
            atr = self._card.power_on()
        except SecmodError as error:
            self._say(RefusedError(f"{type(error).__name__}: {error}"))
        else:
            self._say((atr, facts_of(self._card, self._guesses)))

    def _say(self, answer: Any) -> None:
        errors, self._errors.texts = self._errors.texts, []
        self._connection.send(pickle.dumps((not errors, "\n".join(errors) if errors else answer)))

    def transmit(self, command: bytes) -> bytes:
        response = self._card.transmit(command)
        if self._faults.loaded:
            self._faults.mark(1)  # the response can leave
        return response

    def reset(self) -> None:
        self._card.reset()

    def store(self, what: str, *arguments: Any) -> None:
        getattr(self._store, what)(*arguments)

    def look(self, guesses: Guesses) -> Facts:
        return facts_of(self._card, guesses)

    def arm(self, at: int, action: int, count: int) -> None:
        self._faults.arm(at, action, count)

    def calls(self) -> int:
        return self._faults.calls

    def close(self) -> None:
        self._card.power_off()
        self._store.close()
