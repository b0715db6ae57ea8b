# SPDX-License-Identifier: Apache-2.0
"""The server of pcscd's protocol, spoken to byte by byte: what no client library would say, too."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod.errors import DriverError, LinkError
from secmod.reader.direct import SOCKET_NAME, DirectServer
from secmod.reader.direct import messages as m
from secmod.reader.direct.messages import Command, Disposition, Protocol, ReaderState, Result, Share
from secmod.reader.direct.reader import DirectReader, atr_protocols
from secmod.reader.slot import Slot
from tests.reader.cards import ATR, ATR_T0, ReaderTestCard

READER = b"secmod reader 0 00 00"
COMMAND = bytes.fromhex("00840000")
LONG_COMMAND = bytes.fromhex("80140000")
ENDED = (ConnectionError, EOFError)


class Wire:
    """A connection, and the messages on it."""

    def __init__(self, path: Path) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(path))  # waits for its turn, as programs do
        self.sock.settimeout(20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, command: int, body: bytes = b"", data: bytes = b"") -> None:
        self.sock.sendall(m.HEADER.pack(len(body), command) + body + data)

    def take(self, count: int) -> bytes:
        taken = b""
        while len(taken) < count:
            part = self.sock.recv(count - len(taken))
            if not part:
                raise EOFError
            taken += part
        return taken

    def ask(self, command: Command, *fields: object, data: bytes = b"") -> tuple[int, ...]:
        structure = m.STRUCTURES[command]
        self.send(command, structure.pack(*fields), data)
        return structure.unpack(self.take(structure.size))

    def establish(self) -> int:
        assert self.ask(Command.VERSION, 4, 4, 0) == (4, 4, 0)
        _, context, result = self.ask(Command.ESTABLISH_CONTEXT, 2, 0, 0)
        assert result == Result.SUCCESS
        return context

    def connect(self, share: int = Share.SHARED, protocols: int = 3) -> int:
        fields = self.ask(Command.CONNECT, self.establish(), READER, share, protocols, 0, 0, 0)
        assert fields[-1] == Result.SUCCESS
        return fields[4]

    def start_transmit(self, handle: int, command: bytes, room: int = 65548) -> None:
        self.send(Command.TRANSMIT, m.TRANSMIT.pack(handle, Protocol.T1, 16, len(command), 3, 16, room, 0), command)

    def finish_transmit(self) -> tuple[int, bytes]:
        fields = m.TRANSMIT.unpack(self.take(m.TRANSMIT.size))
        return fields[-1], self.take(fields[6]) if fields[-1] == Result.SUCCESS else b""

    def transmit(self, handle: int, command: bytes) -> tuple[int, bytes]:
        self.start_transmit(handle, command)
        return self.finish_transmit()

    def states(self, command: Command = Command.GET_READERS_STATE) -> list[tuple[bytes, int, int, int, bytes, int, int]]:
        self.send(command)
        return list(m.READER.iter_unpack(self.take(16 * m.READER.size)))

    def woken(self) -> int:
        zero, result = m.WAKE.unpack(self.take(m.WAKE.size))
        assert zero == 0
        return result

    def ended(self) -> bool:
        try:
            return self.sock.recv(1) == b""
        except ConnectionResetError:
            return True


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="secmod-direct-") as name:
        yield Path(name)


@pytest.fixture
def start(directory: Path) -> Iterator[Callable[..., DirectServer]]:
    with contextlib.ExitStack() as stack:

        def start(*cards: ReaderTestCard, **arguments: object) -> DirectServer:
            slots = [Slot(card, f"reader{number}") for number, card in enumerate(cards or (ReaderTestCard(),))]
            return stack.enter_context(DirectServer(slots, directory / SOCKET_NAME, **arguments))

        yield start


@pytest.fixture
def open_wire(start: Callable[..., DirectServer], directory: Path) -> Iterator[Callable[[], Wire]]:
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(Wire(directory / SOCKET_NAME))


def works(wire: Wire) -> None:
    assert wire.transmit(wire.connect(), COMMAND) == (Result.SUCCESS, b"\x90\x00")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ((4, 4), (4, 4, 0)),
        ((4, 5), (4, 5, 0)),  # Debian 13's library knows nothing else
        ((4, 6), (4, 4, Result.SERVICE_STOPPED)),  # this one comes again with what it was told
        ((4, 3), (4, 4, Result.SERVICE_STOPPED)),
        ((5, 4), (4, 4, Result.SERVICE_STOPPED)),
        ((-1, -1), (4, 4, Result.SERVICE_STOPPED)),
    ],
)
def test_versions(
    asked: tuple[int, int], told: tuple[int, int, int], start: Callable[..., DirectServer], open_wire: Callable[[], Wire]
) -> None:
    start()
    wire = open_wire()
    assert wire.ask(Command.VERSION, *asked, 0) == told
    works(wire)
    wire.send(Command.GET_READER_EVENTS)
    assert wire.woken() == Result.SUCCESS


def test_the_table_has_sixteen_places(start: Callable[..., DirectServer], open_wire: Callable[[], Wire]) -> None:
    start(ReaderTestCard(ATR_T0, "T0"), ReaderTestCard())
    table = open_wire().states()
    assert [row[0].rstrip(b"\0") for row in table] == [READER, b"secmod reader 1 01 00", *14 * [b""]]
    assert table[0][1:] == (1, ReaderState.READY, 0, ATR_T0.ljust(33, b"\0"), len(ATR_T0), 0)
    assert table[2][1:] == (0, 0, 0, bytes(33), 0, 0)


@pytest.mark.parametrize("readers", [0, 17])
def test_more_than_sixteen_readers_can_not_be_shown(readers: int, directory: Path) -> None:
    with pytest.raises(LinkError, match=f"{readers} readers can not be shown"):
        DirectServer([Slot(ReaderTestCard(), "reader")] * readers, directory / SOCKET_NAME)


# ---- what no library says -----------------------------------------------------------------------------------------------------

BAD = {
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "unknown command": m.HEADER.pack(0, 0x16),
    "command 0": m.HEADER.pack(0, 0),
    "unused commands": m.HEADER.pack(0, 0x03),
    "short structure": m.HEADER.pack(11, Command.VERSION) + bytes(11),
    "long structure": m.HEADER.pack(0xFFFFFFFF, Command.TRANSMIT) + bytes(100),
    "transmit without a handle": m.HEADER.pack(32, Command.TRANSMIT) + bytes(32),
    "status without a handle": m.HEADER.pack(8, Command.STATUS) + bytes(8),
    "control without a handle": m.HEADER.pack(24, Command.CONTROL) + bytes(24),
    "ones": b"\xff" * 4096,
}


@pytest.mark.parametrize("message", BAD.values(), ids=BAD)
def test_whoever_is_no_client_is_dropped_and_others_notice_nothing(
    message: bytes, start: Callable[..., DirectServer], open_wire: Callable[[], Wire]
) -> None:
    start()
    other, stranger = open_wire(), open_wire()
    handle = other.connect()
    stranger.sock.sendall(message)
    assert stranger.ended()
    assert other.transmit(handle, COMMAND) == (Result.SUCCESS, b"\x90\x00")


def test_too_long_lengths_within_a_message_end_the_connection(
    start: Callable[..., DirectServer], open_wire: Callable[[], Wire]
) -> None:
    start()
    for message in (
        lambda handle: (Command.TRANSMIT, m.TRANSMIT.pack(handle, 2, 16, 65549, 3, 16, 2, 0)),
        lambda handle: (Command.CONTROL, m.CONTROL.pack(handle, 1, 65549, 2, 0, 0)),
        lambda handle: (Command.GET_ATTRIB, m.ATTRIBUTE.pack(handle, 0x90303, b"", 265, 0)),
        lambda handle: (Command.SET_ATTRIB, m.ATTRIBUTE.pack(handle, 0x90303, b"", 265, 0)),
    ):
        wire = open_wire()
        handle = wire.connect()
        wire.send(*message(handle))
        assert wire.ended()
    works(open_wire())


def test_a_handle_belongs_to_its_connection(start: Callable[..., DirectServer], open_wire: Callable[[], Wire]) -> None:
    start()
    one, two = open_wire(), open_wire()
    handle = one.connect()
    two.establish()
    two.start_transmit(handle, COMMAND)
    assert two.ended()
    assert one.transmit(handle, COMMAND)[0] == Result.SUCCESS


def test_a_context_belongs_to_its_connection(start: Callable[..., DirectServer], open_wire: Callable[[], Wire]) -> None:
    start()
    one, two = open_wire(), open_wire()
    foreign, own = one.establish(), two.establish()
    assert two.ask(Command.RELEASE_CONTEXT, foreign, 0)[-1] == Result.INVALID_VALUE
    assert two.ask(Command.CONNECT, foreign, READER, Share.SHARED, 3, 0, 0, 0)[-1] == Result.INVALID_VALUE
    assert two.states()[0][3] == 0  # the handle has been given back
    assert two.ask(Command.RELEASE_CONTEXT, own, 0)[-1] == Result.SUCCESS
    assert two.ask(Command.RELEASE_CONTEXT, own, 0)[-1] == Result.INVALID_HANDLE
    assert two.ask(Command.CONNECT, own, READER, Share.SHARED, 3, 0, 0, 0)[-1] == Result.INVALID_HANDLE
    assert two.ask(Command.ESTABLISH_CONTEXT, 4, 0, 0)[-1] == Result.INVALID_VALUE


def test_messages_may_come_byte_by_byte_or_all_at_once(start: Callable[..., DirectServer], open_wire: Callable[[], Wire]) -> None:
    start()
    wire = open_wire()
    handle = wire.connect()
    echo = bytes.fromhex("8010000003AABBCC")
    message = m.HEADER.pack(32, Command.TRANSMIT) + m.TRANSMIT.pack(handle, 2, 16, len(echo), 3, 16, 300, 0) + echo
    for byte in message:
        wire.sock.sendall(bytes([byte]))
    assert wire.finish_transmit() == (Result.SUCCESS, echo[4:] + b"\x90\x00")
    wire.sock.sendall(5 * (message + m.HEADER.pack(8, Command.STATUS) + m.HANDLE.pack(handle, 0)))
    for _ in range(5):
        assert wire.finish_transmit() == (Result.SUCCESS, echo[4:] + b"\x90\x00")
        assert m.HANDLE.unpack(wire.take(8)) == (handle, Result.SUCCESS)


def test_half_a_message_disturbs_nobody(start: Callable[..., DirectServer], open_wire: Callable[[], Wire]) -> None:
    start()
    halves = [open_wire() for _ in range(20)]
    for number, half in enumerate(halves):
        half.sock.sendall((m.HEADER.pack(12, Command.VERSION) + bytes(12))[:number])
    works(open_wire())
    for half in halves:
        half.sock.shutdown(socket.SHUT_WR)
        assert half.ended()


def test_a_program_that_does_not_read_is_dropped_and_delays_nobody(
    start: Callable[..., DirectServer], open_wire: Callable[[], Wire]
) -> None:
    server = start()
    deaf, waiting = open_wire(), open_wire()
    with contextlib.suppress(OSError):
        for _ in range(10_000):
            deaf.sock.send(m.HEADER.pack(0, Command.WAIT_READER_STATE_CHANGE), socket.MSG_DONTWAIT)
    waiting.states(Command.WAIT_READER_STATE_CHANGE)
    server.eject(0)
    assert waiting.woken() == Result.SUCCESS


@pytest.mark.parametrize("seed", range(5))
def test_random_messages(seed: int, start: Callable[..., DirectServer], open_wire: Callable[[], Wire]) -> None:
    """Well-formed frames with random contents, from many at once; the server serves on."""
    server = start()
    chance = random.Random(seed)
    for _ in range(40):
        with Wire(server.path) as wire, contextlib.suppress(*ENDED):
            context, handle = wire.establish(), 0
            if chance.random() < 0.7:
                handle = wire.ask(Command.CONNECT, context, READER, chance.randrange(5), chance.choice([0, 2, 3, 11]), 0, 0, 0)[4]
            for _ in range(6):
                command = chance.choice(list(Command))
                body = b""
                if structure := m.STRUCTURES.get(command):
                    body = struct.pack("=I", handle) + chance.randbytes(structure.size - 4)
                    if command in {Command.TRANSMIT, Command.CONTROL}:
                        body = body[:12] + struct.pack("=I", 5) + body[16:]
                wire.send(command, body, chance.randbytes(chance.randrange(6)))
    works(open_wire())
    assert server.reader(READER).lock_owner == 0


@given(st.binary(max_size=200))
def test_any_bytes(raw: bytes) -> None:
    with tempfile.TemporaryDirectory() as name, DirectServer([Slot(ReaderTestCard(), "r")], Path(name, "s")) as server:
        with Wire(server.path) as wire, contextlib.suppress(*ENDED):
            wire.sock.sendall(raw)
            wire.sock.shutdown(socket.SHUT_WR)
            while wire.sock.recv(65536):
                pass
        with Wire(server.path) as wire:
            works(wire)


# ---- limits -------------------------------------------------------------------------------------------------------------------


def test_two_hundred_programs_and_no_more(start: Callable[..., DirectServer], open_wire: Callable[[], Wire]) -> None:
    start()
    programs = [open_wire() for _ in range(m.MAX_CONTEXTS)]
    for program in programs:
        works(program)
    assert open_wire().ended()
    programs[7].sock.close()
    while True:  # its place is free as soon as its end has been noticed
        with Wire(programs[0].sock.getpeername()) as late, contextlib.suppress(*ENDED):
            works(late)
            break
    assert len(programs[199].states()) == 16


def test_connections_without_a_context_make_room(start: Callable[..., DirectServer], open_wire: Callable[[], Wire]) -> None:
    start()
    first = open_wire()
    handle = first.connect()
    silent = [open_wire() for _ in range(1000)]
    works(open_wire())
    assert all(wire.ended() for wire in silent[:700])
    assert first.transmit(handle, COMMAND) == (Result.SUCCESS, b"\x90\x00")


def test_two_hundred_handles_of_a_context_and_no_more(start: Callable[..., DirectServer], open_wire: Callable[[], Wire]) -> None:
    start(ReaderTestCard(), ReaderTestCard())
    wire, other = open_wire(), open_wire()
    context, names = wire.establish(), [READER, b"secmod reader 1 01 00"]
    for number in range(200):
        assert wire.ask(Command.CONNECT, context, names[number % 2], Share.SHARED, 3, 0, 0, 0)[-1] == Result.SUCCESS
    assert wire.ask(Command.CONNECT, context, READER, Share.SHARED, 3, 0, 0, 0)[-1] == Result.NO_MEMORY
    assert [row[3] for row in wire.states()[:2]] == [100, 100]
    wire.sock.close()
    while other.states()[0][3]:
        pass
    works(other)


def test_many_programs_at_once(start: Callable[..., DirectServer]) -> None:
    server = start(*(ReaderTestCard() for _ in range(4)))
    failures: list[object] = []

    def play(number: int) -> None:
        name = f"secmod reader {number % 4} {number % 4:02X} 00".encode()
        for _ in range(10):
            with Wire(server.path) as wire:
                handle = wire.ask(Command.CONNECT, wire.establish(), name, Share.SHARED, 3, 0, 0, 0)[4]
                for _ in range(10):
                    answer = wire.transmit(handle, b"\x80\x10\x00\x00\x01" + bytes([number]))
                    if answer != (Result.SUCCESS, bytes([1, number]) + b"\x90\x00"):
                        failures.append(answer)

    threads = [threading.Thread(target=play, args=(number,)) for number in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


# ---- programs that die --------------------------------------------------------------------------------------------------------


def test_a_program_killed_within_a_transaction_leaves_a_reset_card(
    start: Callable[..., DirectServer], open_wire: Callable[[], Wire]
) -> None:
    card = ReaderTestCard()
    server = start(card)
    script = (
        "import sys, time; from pathlib import Path; from tests.reader.test_direct import Wire, Command\n"
        "w = Wire(Path(sys.argv[1])); h = w.connect(); print(w.ask(Command.BEGIN_TRANSACTION, h, 0), flush=True); time.sleep(60)"
    )
    survivor = open_wire()
    handle = survivor.connect()
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", script, str(server.path)], cwd=root, stdout=subprocess.PIPE) as program:
        program.stdout.readline()
        assert survivor.transmit(handle, COMMAND)[0] == Result.SHARING_VIOLATION
        program.kill()
    while (answer := survivor.transmit(handle, COMMAND)[0]) == Result.SHARING_VIOLATION:
        pass
    assert answer == Result.RESET_CARD
    assert card.history[-1] == "reset"
    assert survivor.ask(Command.RECONNECT, handle, Share.SHARED, 3, 0, 0, 0)[-1] == Result.SUCCESS
    assert survivor.transmit(handle, COMMAND)[0] == Result.SUCCESS


def test_a_program_that_leaves_during_a_command_is_cleaned_up_after_it(
    start: Callable[..., DirectServer], open_wire: Callable[[], Wire]
) -> None:
    card = ReaderTestCard()
    start(card)
    wire, other = open_wire(), open_wire()
    wire.start_transmit(wire.connect(Share.EXCLUSIVE), LONG_COMMAND)
    assert card.started.wait(20)
    wire.sock.close()
    card.finish.set()
    while other.states()[0][3]:
        pass
    assert card.history[-1] == "reset"
    works(other)


def test_waiting_ends_once(start: Callable[..., DirectServer], open_wire: Callable[[], Wire]) -> None:
    server = start()
    wire, canceller = open_wire(), open_wire()
    context = wire.establish()
    assert canceller.ask(Command.CANCEL, context, 0)[-1] == Result.INVALID_HANDLE
    assert canceller.ask(Command.CANCEL, 0, 0)[-1] == Result.INVALID_HANDLE
    for end, result in (
        (lambda: canceller.ask(Command.CANCEL, context, 0), Result.CANCELLED),
        (lambda: server.eject(0), Result.SUCCESS),
        (lambda: server.insert(0), Result.SUCCESS),
        (lambda: wire.send(Command.STOP_WAITING_READER_STATE_CHANGE), Result.SUCCESS),
        (canceller.connect, Result.SUCCESS),
    ):
        wire.states(Command.WAIT_READER_STATE_CHANGE)
        end()
        assert wire.woken() == result
        wire.send(Command.STOP_WAITING_READER_STATE_CHANGE)  # too late: no answer
        assert wire.states()
    assert canceller.ask(Command.CANCEL, context, 0)[-1] == Result.INVALID_HANDLE


# ---- cards that do not answer -------------------------------------------------------------------------------------------------


def test_a_removal_ends_a_command_at_once_and_the_program_is_served_on(
    start: Callable[..., DirectServer], open_wire: Callable[[], Wire]
) -> None:
    card = ReaderTestCard()
    server = start(card)
    wire = open_wire()
    handle = wire.connect()
    wire.start_transmit(handle, LONG_COMMAND)
    assert card.started.wait(20)
    server.eject(0)
    assert wire.finish_transmit() == (Result.NO_SMARTCARD, b"")
    assert wire.transmit(handle, COMMAND)[0] == Result.REMOVED_CARD
    assert wire.states()[0][2] == ReaderState.ABSENT
    card.finish.set()
    server.insert(0)
    assert wire.ask(Command.RECONNECT, handle, Share.SHARED, 3, 0, 0, 0)[-1] == Result.SUCCESS
    assert wire.transmit(handle, bytes.fromhex("8010000001AA")) == (Result.SUCCESS, bytes.fromhex("01AA9000"))


def test_a_card_that_hangs_is_given_up_and_harms_no_other_reader(
    start: Callable[..., DirectServer], open_wire: Callable[[], Wire]
) -> None:
    card = ReaderTestCard()
    start(card, ReaderTestCard(), patience=0.2)
    wire, other = open_wire(), open_wire()
    handle = wire.connect()
    wire.start_transmit(handle, LONG_COMMAND)
    assert wire.finish_transmit() == (Result.NOT_TRANSACTED, b"")
    second = other.ask(Command.CONNECT, other.establish(), b"secmod reader 1 01 00", Share.SHARED, 3, 0, 0, 0)[4]
    assert other.transmit(second, COMMAND) == (Result.SUCCESS, b"\x90\x00")
    assert wire.states()[0][3] == 1
    card.finish.set()
    assert wire.transmit(handle, bytes.fromhex("8010000001AA")) == (Result.SUCCESS, bytes.fromhex("01AA9000"))


def test_a_card_that_hangs_does_not_keep_the_server(directory: Path) -> None:
    card = ReaderTestCard()
    with DirectServer([Slot(card, "reader0")], directory / SOCKET_NAME) as server, Wire(server.path) as wire:
        wire.start_transmit(wire.connect(), LONG_COMMAND)
        assert card.started.wait(20)
    assert not server.path.exists()
    card.finish.set()


def test_an_unused_card_loses_its_power_and_starts_cold(
    start: Callable[..., DirectServer], open_wire: Callable[[], Wire]
) -> None:
    off = threading.Event()

    class Watched(ReaderTestCard):
        def power_off(self) -> None:
            super().power_off()
            off.set()

    card = Watched()
    start(card, unused_after=0.1)
    assert off.wait(20)  # nobody came
    wire = open_wire()
    handle = wire.connect()
    card.history.clear()
    off.clear()
    assert wire.transmit(handle, COMMAND)[0] == Result.SUCCESS
    assert not off.wait(0.4)  # in use
    assert wire.ask(Command.DISCONNECT, handle, Disposition.LEAVE, 0)[-1] == Result.SUCCESS
    assert off.wait(20)
    assert wire.states()[0][2] == ReaderState.READY  # as pcscd shows it
    works(wire)
    assert card.history == ["off", "on"]


def test_who_only_tries_does_not_keep_a_protocol_alive(start: Callable[..., DirectServer], open_wire: Callable[[], Wire]) -> None:
    start(unused_after=0.3)
    wire = open_wire()
    handle = wire.connect(protocols=Protocol.RAW)
    assert wire.ask(Command.DISCONNECT, handle, Disposition.LEAVE, 0)[-1] == Result.SUCCESS
    context, seen = wire.establish(), []
    while len(seen) < 1000 and (not seen or seen[-1] == Result.PROTO_MISMATCH):
        seen.append(wire.ask(Command.CONNECT, context, READER, Share.SHARED, Protocol.T1, 0, 0, 0)[-1])
        time.sleep(0.02)
    assert len(seen) > 1
    assert seen[-1] == Result.SUCCESS  # the card was without power in between


# ---- the socket ---------------------------------------------------------------------------------------------------------------


def test_the_socket_is_the_owners_alone_and_goes_with_the_server(directory: Path) -> None:
    path = directory / "new" / SOCKET_NAME
    old = os.umask(0)
    try:
        with DirectServer([Slot(ReaderTestCard(), "r")], path):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
            with pytest.raises(LinkError, match=f"another process listens on {path}: stop it"):
                DirectServer([Slot(ReaderTestCard(), "r")], path).start()
        assert not path.exists()
        with socket.socket(socket.AF_UNIX) as left_over:
            left_over.bind(str(path))
        with DirectServer([Slot(ReaderTestCard(), "r")], path) as server, Wire(path) as wire:
            works(wire)
            path.unlink()
            path.write_text("somebody else's")
            server.stop()
        assert path.read_text() == "somebody else's"
        with pytest.raises(LinkError, match=r"exists and is no socket: remove it"):
            DirectServer([Slot(ReaderTestCard(), "r")], path).start()
    finally:
        os.umask(old)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [("/proc/nowhere/s", "can not listen on /proc/nowhere/s"), ("/tmp/" + 110 * "x", "is too long for a socket")],  # noqa: S108
)
def test_a_place_that_can_not_be_used_is_named(path: str, sentence: str) -> None:
    with pytest.raises(LinkError, match=sentence):
        DirectServer([Slot(ReaderTestCard(), "r")], path).start()


def test_an_unknown_group_is_named(directory: Path) -> None:
    with pytest.raises(DriverError, match="there is no group no-such-group"):
        DirectServer([Slot(ReaderTestCard(), "r")], directory / SOCKET_NAME, group="no-such-group")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_another_user_is_turned_away_and_a_member_of_the_group_is_not(directory: Path) -> None:
    directory.chmod(0o755)
    script = (
        "import os, sys, socket; os.setgroups([int(g) for g in sys.argv[2:]]); os.setgid(65534); os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "s.sendall(bytes([12, 0, 0, 0, 17, 0, 0, 0, 4, 0, 0, 0, 4]) + bytes(7)); print(len(s.recv(12)))"
    )

    def says(*groups: str) -> str:
        command = [sys.executable, "-c", script, str(directory / SOCKET_NAME), *groups]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
        return done.stdout.strip() or done.stderr.strip().rsplit("\n", 1)[-1].split(":")[0]

    with DirectServer([Slot(ReaderTestCard(), "r")], directory / SOCKET_NAME) as server:
        assert says() == "PermissionError"
        server.path.chmod(0o666)  # the file's mode is not what decides
        assert says() in {"0", "ConnectionResetError", "BrokenPipeError"}
    with DirectServer([Slot(ReaderTestCard(), "r")], directory / SOCKET_NAME, group="4711") as server:
        assert stat.S_IMODE(server.path.stat().st_mode) == 0o660
        assert says("4711") == "12"
        server.path.chmod(0o666)
        assert says("4712") in {"0", "ConnectionResetError", "BrokenPipeError"}


# ---- values -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("atr", "offered", "default"),
    [
        (ATR, Protocol.T0 | Protocol.T1 | Protocol.T15, Protocol.T0),
        (ATR_T0, Protocol.T0, Protocol.T0),
        (bytes.fromhex("3B00"), Protocol.T0, Protocol.T0),
        (bytes.fromhex("3B800181"), Protocol.T1, Protocol.T1),
        (bytes.fromhex("3B808001"), Protocol.T0 | Protocol.T1, Protocol.T0),
        (bytes.fromhex("3B80811F00"), Protocol.T1 | Protocol.T15, Protocol.T1),
        (bytes.fromhex("3B801081"), Protocol.T1, Protocol.T1),  # specific mode
        (bytes.fromhex("3B80108F"), 0, 0),
        (bytes.fromhex("3B80021F"), 0, 0),
        (bytes.fromhex("3BFF"), 0, 0),
        (bytes.fromhex("3B"), 0, 0),
        (b"", 0, 0),
        (bytes.fromhex("00000000"), 0, 0),
    ],
)
def test_protocols_of_an_answer_to_reset(atr: bytes, offered: int, default: int) -> None:
    assert atr_protocols(atr) == (offered, default)


@given(st.binary(max_size=40))
def test_any_atr_offers_its_default_or_nothing(atr: bytes) -> None:
    offered, default = atr_protocols(b"\x3b" + atr)
    assert offered & default == default
    assert bool(offered) == bool(default)


def test_event_counters_start_anew_at_the_end() -> None:
    reader = DirectReader(Slot(ReaderTestCard(), "r"), "r", 0, lambda: None, 5.0)
    reader._events = 0xFFFF
    reader.power_inserted()
    assert m.READER.unpack(reader.entry)[1] == 0
