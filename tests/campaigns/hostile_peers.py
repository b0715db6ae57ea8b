# SPDX-License-Identifier: Apache-2.0
"""Neighbours that send malformed messages over sockets: a driver, PC/SC programs, a vpcd, vpcd cards. Each returns how many."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from secmod.reader.direct import messages as m
from secmod.reader.frame import MAX_FRAME, Frame, FrameType
from secmod.reader.slot import Card
from secmod.reader.vpcd import HOST, VpcdListener
from tests.campaigns.ravings import Ravings
from tests.reader.cards import ATR

READER = b"secmod reader 0 00 00"
Tell = Callable[[int], None]
_BATCH = 64  # messages to a connection before a new one is opened


def _drain(sock: socket.socket) -> None:
    patience = sock.gettimeout()
    sock.settimeout(0)
    with suppress(BlockingIOError):
        while sock.recv(1 << 20):
            pass
    sock.settimeout(patience)


def raving_driver(path: Path, count: int, seed: int, tell: Tell) -> int:
    """Listens in the driver's place; the emulator comes again after each end."""
    ravings, sent = Ravings(seed), 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(str(path))
        listener.listen(8)
        listener.settimeout(30)
        while sent < count:
            with ExitStack() as stack, suppress(ConnectionError):
                data, _events = (_welcome(stack.enter_context(listener.accept()[0])) for _ in range(2))
                data.send(Frame(FrameType.POWER_UP, 1).encode())
                while data.recv(MAX_FRAME + 1) and sent < count:
                    data.send(ravings.request(sent))
                    sent += 1
                    tell(sent)
    return sent


def _welcome(sock: socket.socket) -> socket.socket:
    sock.settimeout(30)
    sock.recv(MAX_FRAME)
    sock.send(Frame(FrameType.WELCOME, 0, (1).to_bytes(2, "little") + (2000).to_bytes(4, "little")).encode())
    return sock


def raving_programs(path: Path, count: int, seed: int, tell: Tell) -> int:
    """Four programs of the PC/SC service on the socket `path`."""
    lock, total = threading.Lock(), [0]

    def rave(number: int) -> None:
        ravings = Ravings(seed + number)
        while total[0] < count:
            with socket.socket(socket.AF_UNIX) as sock, suppress(OSError, EOFError):
                sock.settimeout(10)
                sock.connect(str(path))
                context, handle = _introduce(sock)
                for _ in range(_BATCH):
                    sock.sendall(ravings.message(context, handle))
                    _drain(sock)
                    with lock:
                        total[0] += 1
                        tell(total[0])

    threads = [threading.Thread(target=rave, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return total[0]


def _introduce(sock: socket.socket) -> tuple[int, int]:
    """A context, and a handle if there is one to be had."""

    def ask(command: m.Command, *fields: object) -> tuple[int, ...]:
        structure = m.STRUCTURES[command]
        sock.sendall(m.HEADER.pack(structure.size, command) + structure.pack(*fields))
        answer = sock.recv(structure.size, socket.MSG_WAITALL)
        if len(answer) < structure.size:
            raise EOFError
        return structure.unpack(answer)

    ask(m.Command.VERSION, 4, 4, 0)
    _, context, _ = ask(m.Command.ESTABLISH_CONTEXT, 2, 0, 0)
    sock.settimeout(0.2)  # another one may be in a transaction
    return context, ask(m.Command.CONNECT, context, READER, m.Share.SHARED, 3, 0, 0, 0)[4]


def raving_vpcd(listener: socket.socket, count: int, seed: int, tell: Tell) -> int:
    """A vpcd that our card connects to, and connects to again."""
    ravings, sent = Ravings(seed), 0
    listener.settimeout(30)
    while sent < count:
        sock, _ = listener.accept()
        with sock, suppress(OSError):
            sock.settimeout(10)
            sock.sendall(b"\0\1\1")
            for number in range(_BATCH):
                command = ravings.command()[:0xFFFF]
                framed = len(command).to_bytes(2, "big") + command
                last = number == _BATCH - 1  # lengths that are wrong: what follows would be taken for the rest
                sock.sendall(ravings.damaged(framed, 70_000) if last else framed)
                sent += 1
                tell(sent)
                if last:
                    sock.shutdown(socket.SHUT_WR)
                else:
                    _hear(sock, one=len(command) == 1)
    return sent


def _hear(sock: socket.socket, *, one: bool) -> None:
    if one:  # a control: answered if it asks for the ATR
        _drain(sock)
        return
    head = sock.recv(2, socket.MSG_WAITALL)
    sock.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)


def raving_vpcd_cards(count: int, seed: int, tell: Tell) -> int:
    """Cards that come to our listener and answer what they like; somebody asks each as long as it answers."""
    ravings, sent = Ravings(seed), 0

    def insert(card: Card) -> None:
        def ask() -> None:
            with suppress(Exception):
                while True:
                    card.transmit(b"\0\x84\0\0\x08")

        threading.Thread(target=ask, daemon=True).start()

    with VpcdListener(0, insert, lambda: None, deadline=0.05) as listener:
        while sent < count:
            with socket.create_connection((HOST, listener.port)) as sock, suppress(OSError):
                sock.settimeout(10)
                _hear(sock, one=False)
                sock.sendall(len(ATR).to_bytes(2, "big") + ATR)
                while head := sock.recv(2, socket.MSG_WAITALL):
                    sock.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
                    answer = ravings.command()[:0xFFFF]
                    framed = len(answer).to_bytes(2, "big") + answer
                    sock.sendall(framed if sent % 200 else ravings.damaged(framed, 70_000))
                    sent += 1
                    tell(sent)
    return sent


def strays(connect: Callable[[], socket.socket], count: int = 1000) -> int:
    """So many connections that say nothing, or nonsense; some stay, some go at once.  Returns how many were turned away."""
    turned_away = 0
    with ExitStack() as stack:
        for number in range(count):
            try:
                sock = connect()
            except OSError:
                turned_away += 1
                continue
            with suppress(OSError):
                if number % 3 == 1:
                    sock.send(b"GET / HTTP/1.1\r\n\r\n")
            if number % 3 == 2:
                sock.close()
            else:
                stack.enter_context(sock)
    return turned_away
