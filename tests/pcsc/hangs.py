# SPDX-License-Identifier: Apache-2.0
"""Card processes that stop, die, stammer or rave, and what programs see of it: at this reader, and at the one beside it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from secmod.reader.frame import MAX_FRAME, Frame, FrameType
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from tests.pcsc.client import CClient
from tests.pcsc.peer import Peer
from tests.reader.cards import ATR, ReaderTestCard

ROOT = Path(__file__).parents[2]
SICK, SOUND = "secmod reader 0 00 00", "secmod reader 1 01 00"
COMMAND = bytes.fromhex("00840000")
DEADLINE, PATIENCE = 0.3, 0.9  # s, of the driver

Answer = Callable[[Frame], list[bytes]]


def _keep_alive(request: Frame) -> bytes:
    return Frame(FrameType.KEEP_ALIVE, request.sequence).encode()


RAVINGS: dict[str, Answer] = {
    "no answer": lambda _request: [],
    "half a header": lambda request: [Frame(request.type, request.sequence).encode()[:4]],
    "half an answer": lambda request: [Frame(request.type, request.sequence, b"\x90").encode()],
    "a byte now and then": lambda request: [bytes([byte]) for byte in Frame(request.type, request.sequence, b"\x90\0").encode()],
    "rubbish": lambda _request: [bytes(range(256)) * 8] * 3,
    "too long": lambda request: [Frame(request.type, request.sequence, bytes(65548)).encode() + b"x"],
    "far too long": lambda _request: [bytes(180_000)],
    "signs of life and no answer": lambda request: [_keep_alive(request)] * 1000,
    "a storm of signs of life": lambda request: [_keep_alive(request)] * 100_000,
    "old answers": lambda request: [Frame(request.type, request.sequence - 1, b"\x90\0").encode()] * 3,
    "descriptors": lambda _request: [],  # sent by hand, see Raving
}


class Raving(threading.Thread):
    """A card that answers as it should until `fail`, and then as its kind says; ends with the context."""

    def __init__(self, kind: str, path: Path) -> None:
        super().__init__(daemon=True)
        self._kind = kind
        self._path = path
        self._failing = threading.Event()
        self._over = threading.Event()
        self._stack = ExitStack()
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> Self:
        self._sockets = list(Peer(self._path, self._stack).pair())
        self._sockets[1].send(Frame(FrameType.INSERTED).encode())
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for sock in self._sockets:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
        self.join(20)
        self._stack.close()

    def fail(self) -> None:
        self._failing.set()

    def recover(self) -> None:
        """Nothing: who raves is replaced."""

    def run(self) -> None:
        data = self._sockets[0]
        data.settimeout(None)
        with suppress(OSError):
            while raw := data.recv(MAX_FRAME):
                request = Frame.parse(raw)
                if self._failing.is_set():
                    self._rave(data, request)
                else:
                    payloads = {FrameType.POWER_UP: ATR, FrameType.RESET: ATR, FrameType.TRANSMIT: b"\x90\x00"}
                    data.send(Frame(request.type, request.sequence, payloads.get(request.type, b"")).encode())

    def _rave(self, data: socket.socket, request: Frame) -> None:
        if self._kind == "descriptors":
            with open(os.devnull, "rb") as null:  # noqa: PTH123 - a descriptor is wanted
                socket.send_fds(data, [_keep_alive(request)], [null.fileno()] * 20)
            return
        pause = 0.05 if len(RAVINGS[self._kind](request)) != 100_000 else 0.0
        for message in RAVINGS[self._kind](request):
            data.send(message)
            if pause and self._over.wait(pause):
                return


class Process:
    """A card process of its own, to be stopped or killed."""

    def __init__(self, kind: str, path: Path) -> None:
        self._signal = {"stopped": signal.SIGSTOP, "killed": signal.SIGKILL}[kind]
        self._arguments = [sys.executable, "-m", "tests.pcsc.card_process", str(path)]
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._arguments, cwd=ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout.readline() == b"connected\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def fail(self) -> None:
        self._process.send_signal(self._signal)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)  # it has taken effect

    def recover(self) -> None:
        self._process.send_signal(signal.SIGCONT)


KINDS = ("stopped", "killed", *RAVINGS)


@dataclass(frozen=True, slots=True)
class Seen:
    """Results and durations (s) at the sick reader; round trips (µs: median, 99th percentile) at the other one, too."""

    transmit: tuple[int, float]
    connect: tuple[int, float]
    before: tuple[float, float]
    meanwhile: tuple[float, float]
    same_daemon: bool
    works_again: bool


def _measure(client: CClient, count: int) -> tuple[float, float]:
    rv, middle, late, _ = client.call(f"measure {count} {COMMAND.hex()}")
    assert int(rv, 16) == 0
    return int(middle) / 1000, int(late) / 1000


def _timed(call: Callable[[], int]) -> tuple[int, float]:
    began = time.monotonic()
    return call(), time.monotonic() - began


def play(kind: str, program: Path, rounds: int = 200) -> Seen:
    """A card process of this kind falls ill under a program's command, and another one tries to connect."""
    with ExitStack() as stack:
        pcscd = stack.enter_context(PrivatePcscd(readers=2, deadline_ms=int(DEADLINE * 1000), patience_ms=int(PATIENCE * 1000)))
        pid = pcscd.pid
        one, two, other = (stack.enter_context(CClient(program, pcscd.env)) for _ in range(3))
        server = stack.enter_context(Server([Slot(ReaderTestCard(), pcscd.sockets[1])]))
        server.wait_connected(20)
        await_card(other, SOUND)
        assert other.connect(SOUND)[0] == 0
        before = _measure(other, rounds)
        illness = Process if kind in {"stopped", "killed"} else Raving
        with illness(kind, pcscd.sockets[0]) as card:
            await_card(one, SICK)
            assert one.connect(SICK)[0] == 0
            assert one.transmit(COMMAND) == (0, b"\x90\x00")
            card.fail()
            began = time.monotonic()
            one.ask(f"transmit {COMMAND.hex()}")
            meanwhile = _measure(other, rounds)
            transmit = int(one.hear()[0], 16), time.monotonic() - began
            connect = _timed(lambda: two.connect(SICK)[0])
            one.disconnect()
            two.disconnect()
            if kind == "stopped":
                card.recover()
                works = _works(one)
        if kind != "stopped":
            with Server([Slot(ReaderTestCard(), pcscd.sockets[0])]) as successor:
                successor.wait_connected(20)
                works = _works(one)
        return Seen(transmit, connect, before, meanwhile, pcscd.running and pcscd.pid == pid, works)


def await_card(client: CClient, reader: str) -> None:
    """Returns when the reader shows a card."""
    if not client.watch(reader).present:
        client.wait_for(present=True)


def _works(client: CClient) -> bool:
    """Whether the card answers a program again, in the end."""
    for _ in range(100):
        await_card(client, SICK)
        if client.connect(SICK)[0] == 0:
            answer = client.transmit(COMMAND)
            client.disconnect()
            if answer == (0, b"\x90\x00"):
                return True
    return False
