# SPDX-License-Identifier: Apache-2.0
"""The C program client.c as an object: one PC/SC client in a process of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

OK = 0
UNSUPPORTED_FEATURE = 0x8010001F
NO_SMARTCARD = 0x8010000C
NOT_TRANSACTED = 0x80100016
PROTO_MISMATCH = 0x8010000F
TIMEOUT = 0x8010000A
NO_SERVICE = 0x8010001D
COMM_ERROR = 0x80100013
READER_UNAVAILABLE = 0x80100017
RESET_CARD = 0x80100068
REMOVED_CARD = 0x80100069

EMPTY, PRESENT = 0x10, 0x20
T0, T1, ANY = 1, 2, 3


@dataclass(frozen=True, slots=True)
class State:
    """A reader as SCardGetStatusChange sees it."""

    rv: int
    flags: int
    counter: int
    at: int

    @property
    def present(self) -> bool:
        return bool(self.flags & PRESENT)


class CClient:
    """Each call is one line to the program and one back; it may be asked first (`ask`) and listened to later (`hear`)."""

    def __init__(self, program: Path, env: Mapping[str, str]) -> None:
        environment = {**os.environ, **env}
        environment.pop("PCSCLITE_NO_BLOCKING", None)  # an ordinary program waits (conftest.py sets it for this process)
        self._process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True)
        assert self.hear() == [f"{OK:08X}"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()

    def kill(self) -> None:
        """kill -9: nothing is closed by the program itself."""
        self._process.kill()

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, line: str) -> None:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def hear(self) -> list[str]:
        return self._process.stdout.readline().rstrip("\n").split(" ")

    def call(self, line: str) -> list[str]:
        self.ask(line)
        return self.hear()

    def readers(self) -> list[str]:
        self.ask("list")
        rv, _, names = self._process.stdout.readline().rstrip("\n").partition(" ")
        assert int(rv, 16) == OK
        return names.split("|")

    def connect(self, reader: str, protocols: int = ANY) -> tuple[int, int]:
        rv, protocol = self.call(f"connect {reader} {protocols}")
        return int(rv, 16), int(protocol)

    def reconnect(self, initialization: int) -> int:
        return int(self.call(f"reconnect {initialization}")[0], 16)

    def disconnect(self, disposition: int = 0) -> int:
        return int(self.call(f"disconnect {disposition}")[0], 16)

    def bytes_of(self, line: str) -> tuple[int, bytes]:
        rv, data = self.call(line)
        return int(rv, 16), bytes.fromhex(data)

    def transmit(self, command: bytes) -> tuple[int, bytes]:
        return self.bytes_of(f"transmit {command.hex()}")

    def state(self, line: str) -> State:
        self.ask(line)
        return self.hear_state()

    def hear_state(self) -> State:
        rv, flags, counter, at = self.hear()
        return State(int(rv, 16), int(flags, 16), int(counter), int(at))

    def watch(self, reader: str) -> State:
        return self.state(f"watch {reader}")

    def wait(self, milliseconds: int = 10_000) -> State:
        return self.state(f"wait {milliseconds}")

    def wait_for(self, *, present: bool) -> State:
        """The first state with the card in (or out), from `watch` on."""
        while True:
            state = self.wait()
            assert state.rv == OK, state
            if state.present == present:
                return state
