# SPDX-License-Identifier: Apache-2.0
"""`secmod serve` as a process of its own, with the driver's end of its sockets played here: a transport to its cards."""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from secmod.reader.driver import socket_name
from secmod.reader.frame import MAX_FRAME, Frame, FrameType
from tests.campaigns.card_process import KilledError

_PATIENCE = 30.0  # s


class Emulator:
    """A running `secmod serve` with these options, the card of whose reader 0 has power; a transport, and a context manager.

    `work` is how long the process may still work, in seconds, before it is killed, None: for ever; `worked` is how long it has.
    """

    def __init__(self, options: Sequence[str], *, log: Path | None = None, environment: dict[str, str] | None = None) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="secmod-campaign-")
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(Path(self._directory.name, socket_name(0))))
        self._listener.listen(2)
        self._listener.settimeout(_PATIENCE)
        self._sequence = 0
        self.work: float | None = None
        self.worked = 0.0
        self.atr = b""
        self.protocol, self.name = "T1", "secmod serve"
        command = [sys.executable, "-m", "secmod", "serve", "--socket-dir", self._directory.name, "--until-eof", *options]
        with (log or Path(self._directory.name, "log")).open("ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=environment)

    def start(self) -> Self:
        """The emulator has connected, and its card has power.  Raises KilledError if it ends before, or was killed."""
        self.data, self._events = self._accept(), self._accept()
        self.atr = self._ask(FrameType.POWER_UP)
        return self

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the emulator's process."""
        return self.process.pid

    def transmit(self, command: bytes) -> bytes:
        """The response.  Raises KilledError if the time has come first, or the process has ended."""
        return self._ask(FrameType.TRANSMIT, command)

    def reset(self) -> None:
        """A warm reset of the card."""
        self._ask(FrameType.RESET)

    def power_off(self) -> None:
        """The card has no power."""
        self._ask(FrameType.POWER_DOWN)

    def power_on(self) -> None:
        """It has power again."""
        self._ask(FrameType.POWER_UP)

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def close(self) -> None:
        """The process has ended, by itself if it still could."""
        if self.process.poll() is None and self.process.stdin:
            self.process.stdin.close()
            try:
                self.process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.kill()
        elif self.process.stdin:
            self.process.stdin.close()
        for sock in (self._listener, getattr(self, "data", None), getattr(self, "_events", None)):
            if sock is not None:
                sock.close()
        self._directory.cleanup()

    def _accept(self) -> socket.socket:
        self._wait(self._listener)
        connection, _ = self._listener.accept()
        connection.settimeout(_PATIENCE)
        connection.recv(MAX_FRAME)
        payload = (1).to_bytes(2, "little") + (60_000).to_bytes(4, "little")
        connection.send(Frame(FrameType.WELCOME, 0, payload).encode())
        return connection

    def _ask(self, kind: FrameType, payload: bytes = b"") -> bytes:
        self._sequence += 1
        try:
            self.data.send(Frame(kind, self._sequence, payload).encode())
            while True:
                self._wait(self.data)
                raw = self.data.recv(MAX_FRAME)
                if not raw:
                    raise KilledError("the emulator is gone")
                answer = Frame.parse(raw)
                if answer.type is not FrameType.KEEP_ALIVE:
                    break
        except OSError as error:
            raise KilledError(str(error)) from error
        if answer.type is not kind or answer.sequence != self._sequence:
            raise AssertionError(f"{answer.type.name} {answer.payload.hex()} is no answer to {kind.name}")
        return answer.payload

    def _wait(self, sock: socket.socket) -> None:
        """Something can be read.  Raises KilledError when `work` is over and the process dead, or has ended by itself."""
        began = time.monotonic()
        before, worked = self.work, self.worked
        while True:
            ready, _, _ = select.select([sock], [], [], 0.2 if self.work is None else min(0.2, max(0.0, self.work)))
            took = time.monotonic() - began
            self.worked = worked + took
            if before is not None:
                self.work = before - took
            if ready:
                return
            if self.work is not None and self.work <= 0:
                self.kill()
                raise KilledError("killed")
            if self.process.poll() is not None:
                raise KilledError(f"the emulator has ended: {self.process.returncode}")
            if took > _PATIENCE:
                raise AssertionError(f"the emulator says nothing for {_PATIENCE:.0f} s")
