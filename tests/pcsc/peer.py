# SPDX-License-Identifier: Apache-2.0
"""The card process's end of the link, played frame by frame (native/ifd/PROTOCOL.md)."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from pathlib import Path

from secmod.reader.frame import MAX_FRAME, Frame, FrameType, Hello, Role
from tests.reader.cards import ATR

TOKEN = b"token..1"


class Peer:
    """A card process played by the test: one or two connections, and any bytes on them."""

    def __init__(self, path: Path, stack: ExitStack) -> None:
        self._path = path
        self._stack = stack

    def connect(self) -> socket.socket:
        sock = self._stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
        sock.settimeout(20)
        sock.connect(str(self._path))
        return sock

    def hello(self, role: Role, token: bytes = TOKEN) -> tuple[socket.socket, Frame]:
        sock = self.connect()
        sock.send(Hello(role, token).encode())
        return sock, Frame.parse(sock.recv(MAX_FRAME))

    def pair(self) -> tuple[socket.socket, socket.socket]:
        (data, first), (events, second) = self.hello(Role.DATA), self.hello(Role.EVENTS)
        assert first.type is second.type is FrameType.WELCOME
        return data, events

    def insert(self) -> tuple[socket.socket, socket.socket]:
        """A pair with a card that pcscd has powered."""
        data, events = self.pair()
        events.send(Frame(FrameType.INSERTED).encode())
        request = Frame.parse(data.recv(MAX_FRAME))
        assert request.type is FrameType.POWER_UP
        data.send(Frame(FrameType.POWER_UP, request.sequence, ATR).encode())
        return data, events
