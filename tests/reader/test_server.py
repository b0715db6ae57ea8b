# SPDX-License-Identifier: Apache-2.0
"""The server against a scripted driver over real sockets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from secmod.errors import LinkError
from secmod.reader import link
from secmod.reader.frame import MAX_FRAME, Frame, FrameType, Refusal, Role
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from tests.reader.cards import ATR, ReaderTestCard

PATIENCE = 10.0


class Driver:
    """The driver's end, played by the test: listens, and does what the script says."""

    def __init__(self, path: Path, kind: socket.SocketKind = socket.SOCK_SEQPACKET) -> None:
        self.path = path
        self.listener = socket.socket(socket.AF_UNIX, kind)
        self.listener.settimeout(PATIENCE)
        self.listener.bind(str(path))
        self.listener.listen(8)
        self.open: list[socket.socket] = [self.listener]
        self.data = self.events = self.listener
        self.sequence = 0

    def accept(self) -> tuple[socket.socket, Frame]:
        connection, _ = self.listener.accept()
        connection.settimeout(PATIENCE)
        self.open.append(connection)
        return connection, Frame.parse(connection.recv(MAX_FRAME))

    def welcome(self, deadline_ms: int = 2000, version: int = 1) -> Frame:
        connection, hello = self.accept()
        payload = version.to_bytes(2, "little") + deadline_ms.to_bytes(4, "little")
        connection.send(Frame(FrameType.WELCOME, 0, payload).encode())
        if hello.payload[10] == Role.DATA:
            self.data = connection
        else:
            self.events = connection
        return hello

    def pair(self, deadline_ms: int = 2000) -> None:
        data, events = self.welcome(deadline_ms), self.welcome(deadline_ms)
        assert (data.payload[10], events.payload[10]) == (Role.DATA, Role.EVENTS)
        assert data.payload[12:] == events.payload[12:]

    def event(self) -> FrameType:
        return Frame.parse(self.events.recv(MAX_FRAME)).type

    def send(self, kind: FrameType, payload: bytes = b"") -> int:
        self.sequence += 1
        self.data.send(Frame(kind, self.sequence, payload).encode())
        return self.sequence

    def receive(self) -> Frame:
        return Frame.parse(self.data.recv(MAX_FRAME))

    def ask(self, kind: FrameType, payload: bytes = b"") -> Frame:
        sequence = self.send(kind, payload)
        answer = self.receive()
        assert answer.sequence == sequence
        return answer

    def close(self) -> None:
        for sock in self.open:
            sock.close()
        self.path.unlink(missing_ok=True)


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="secmod-test-") as directory:
        yield Path(directory) / "reader0.sock"


@pytest.fixture
def driver(path: Path) -> Iterator[Driver]:
    driver = Driver(path)
    yield driver
    driver.close()


@pytest.fixture
def card() -> ReaderTestCard:
    return ReaderTestCard()


@pytest.fixture
def server(path: Path, card: ReaderTestCard) -> Iterator[Server]:
    with Server([Slot(card, path)]) as server:
        yield server
        card.finish.set()


def test_connects_announces_the_card_and_answers(server: Server, driver: Driver) -> None:
    driver.pair()
    assert driver.event() is FrameType.INSERTED
    server.wait_connected(PATIENCE)
    assert driver.ask(FrameType.POWER_UP).payload == ATR
    assert driver.ask(FrameType.TRANSMIT, bytes.fromhex("8010000001AA")).payload == bytes.fromhex("01AA9000")
    assert len(driver.ask(FrameType.TRANSMIT, bytes.fromhex("8012FFFF")).payload) == 65537


def test_an_empty_reader_announces_nothing_until_a_card_comes(path: Path, driver: Driver) -> None:
    with Server([Slot(ReaderTestCard(), path, inserted=False)]) as server:
        driver.pair()
        server.wait_connected(PATIENCE)
        server.insert(0)
        assert driver.event() is FrameType.INSERTED
        server.eject(0)
        assert driver.event() is FrameType.REMOVED
        with pytest.raises(LinkError, match="insert a card first"):
            server.eject(0)


def test_insert_waits_for_power_if_told_to(server: Server, driver: Driver) -> None:
    driver.pair()
    server.wait_connected(PATIENCE)
    server.eject(0)
    done = threading.Event()
    inserting = threading.Thread(target=lambda: (server.insert(0, powered_within=PATIENCE), done.set()))
    inserting.start()
    assert [driver.event() for _ in range(3)] == [FrameType.INSERTED, FrameType.REMOVED, FrameType.INSERTED]
    assert not done.is_set()
    driver.ask(FrameType.POWER_UP)
    inserting.join(PATIENCE)
    assert done.is_set()
    server.eject(0)
    with pytest.raises(LinkError, match=r"not powered within 0.01 s: does pcscd run"):
        server.insert(0, powered_within=0.01)


def test_the_driver_may_come_later_and_restart(path: Path, server: Server, card: ReaderTestCard) -> None:
    for _ in range(3):
        driver = Driver(path)
        try:
            driver.pair()
            assert driver.event() is FrameType.INSERTED
            driver.ask(FrameType.POWER_UP)
        finally:
            driver.close()
    assert card.history.count("on") == 3


def test_a_new_server_takes_over_from_one_that_ended(path: Path, driver: Driver) -> None:
    for _ in range(2):
        with Server([Slot(ReaderTestCard(), path)]):
            driver.pair()
            assert driver.event() is FrameType.INSERTED
        assert driver.data.recv(MAX_FRAME) == b""
        assert driver.events.recv(MAX_FRAME) == b""


def test_a_working_card_keeps_the_driver_waiting(server: Server, driver: Driver, card: ReaderTestCard) -> None:
    driver.pair(deadline_ms=40)
    driver.ask(FrameType.POWER_UP)
    sequence = driver.send(FrameType.TRANSMIT, bytes.fromhex("80140000"))
    for _ in range(3):
        frame = driver.receive()
        assert (frame.type, frame.sequence, frame.payload) == (FrameType.KEEP_ALIVE, sequence, b"")
    card.finish.set()
    while (frame := driver.receive()).type is FrameType.KEEP_ALIVE:
        pass
    assert (frame.type, frame.sequence, frame.payload) == (FrameType.TRANSMIT, sequence, b"\x90\x00")


def test_a_card_that_works_for_ever_is_given_up(path: Path, driver: Driver, card: ReaderTestCard) -> None:
    with Server([Slot(card, path)], patience=0.0):
        driver.pair(deadline_ms=40)
        driver.ask(FrameType.POWER_UP)
        driver.send(FrameType.TRANSMIT, bytes.fromhex("80140000"))
        assert card.started.wait(PATIENCE)
        driver.data.settimeout(0.2)  # twenty times the interval
        with pytest.raises(TimeoutError):
            driver.receive()
        card.finish.set()


def test_stop_does_not_wait_for_a_card_that_hangs(path: Path, driver: Driver, card: ReaderTestCard) -> None:
    with Server([Slot(card, path)]) as server:
        driver.pair()
        driver.ask(FrameType.POWER_UP)
        driver.send(FrameType.TRANSMIT, bytes.fromhex("80140000"))
        assert card.started.wait(PATIENCE)
        server.stop()
        assert server.wait(0)
    card.finish.set()


@pytest.mark.parametrize("silent", [False, True], ids=["no driver", "silent driver"])
def test_stop_ends_the_looking_for_a_driver(path: Path, silent: bool) -> None:
    driver = Driver(path) if silent else None
    server = Server([Slot(ReaderTestCard(), path)]).start()
    if driver is not None:
        driver.accept()
    server.stop()
    assert not any(reader.is_alive() for reader in server._readers)
    if driver is not None:
        driver.close()


def refused(server: Server) -> str:
    with pytest.raises(LinkError) as caught:
        server.wait(PATIENCE)
    with pytest.raises(LinkError):
        server.wait_connected(PATIENCE)
    return str(caught.value)


def test_a_second_card_process_is_told_who_is_there(server: Server, driver: Driver) -> None:
    connection, _ = driver.accept()
    payload = bytes([Refusal.BUSY]) + b"process 7 serves the reader already; stop it or choose another socket"
    connection.send(Frame(FrameType.REFUSED, 0, payload).encode())
    sentence = refused(server)
    assert str(driver.path) in sentence
    assert "process 7 serves the reader already; stop it" in sentence


def test_a_driver_of_another_version_is_refused(server: Server, driver: Driver) -> None:
    driver.welcome(version=9)
    assert "speaks version 9, secmod speaks 1; install both from one release" in refused(server)


def test_garbage_instead_of_a_welcome_is_named(server: Server, driver: Driver) -> None:
    connection, _ = driver.accept()
    connection.send(b"SSH-2.0-OpenSSH\r\n")
    assert f"socket {driver.path}: " in refused(server)


def test_too_slow_a_hello_is_tried_again(server: Server, driver: Driver) -> None:
    connection, _ = driver.accept()
    connection.send(Frame(FrameType.REFUSED, 0, bytes([Refusal.HELLO]) + b"no hello").encode())
    driver.pair()
    assert driver.event() is FrameType.INSERTED


@pytest.mark.parametrize(
    "garbage",
    [b"\x77garbage", b"\x77", b"\x05", b"\x05\1\0\0\0\0\0\0\0\x84\0\0", b"\x20" + bytes(7), b"\x05" + bytes(MAX_FRAME)],
    ids=["type", "byte", "short", "reserved", "event", "long"],
)
def test_garbage_from_the_driver_ends_the_link_and_not_the_reader(garbage: bytes, server: Server, driver: Driver) -> None:
    driver.pair()
    driver.data.send(garbage)
    assert driver.data.recv(MAX_FRAME) == b""
    driver.pair()
    assert driver.event() is FrameType.INSERTED
    assert driver.ask(FrameType.POWER_UP).payload == ATR


def test_a_silent_listener_is_named(server: Server, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "HANDSHAKE_TIMEOUT", 0.05)
    driver.accept()[0].close()  # the first attempt may still have had the long timeout
    driver.accept()
    assert "says nothing" in refused(server)


def test_a_listener_that_ends_every_connection_is_named(path: Path, driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secmod.reader.server._RETRY", (0.001, 0.001))
    with Server([Slot(ReaderTestCard(), path)]) as server:
        for _ in range(50):
            driver.accept()[0].close()
        assert "every connection is ended at once" in refused(server)


def test_another_kind_of_socket_is_named(path: Path) -> None:
    driver = Driver(path, socket.SOCK_STREAM)
    with Server([Slot(ReaderTestCard(), path)]) as server:
        assert "only the reader driver's socket is of use here" in refused(server)
    driver.close()


def test_a_file_that_is_no_socket_is_named(path: Path) -> None:
    path.write_text("mine", encoding="ascii")
    with Server([Slot(ReaderTestCard(), path)]) as server:
        assert f"{path} is no socket: remove it" in refused(server)
    assert path.read_text(encoding="ascii") == "mine"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_foreign_listener_is_not_spoken_to(path: Path) -> None:
    path.parent.chmod(0o777)
    script = (
        "import os, socket, sys; os.setuid(65534); s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
        f"s.bind({str(path)!r}); s.listen(); print('ready', flush=True); sys.stdin.read()"
    )
    listener = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert listener.stdout.readline() == b"ready\n"
    with Server([Slot(ReaderTestCard(), path)]) as server:
        assert "user 65534 listens on socket" in refused(server)
    listener.communicate()


def test_many_readers_have_a_thread_each(path: Path) -> None:
    paths = [path.with_name(f"reader{i}.sock") for i in range(16)]
    drivers = [Driver(path) for path in paths]
    cards = [ReaderTestCard() for _ in paths]
    with Server([Slot(card, path) for card, path in zip(cards, paths, strict=True)]) as server:
        for driver in drivers:
            driver.pair()
            driver.ask(FrameType.POWER_UP)
        server.wait_connected(PATIENCE)
        drivers[0].send(FrameType.TRANSMIT, bytes.fromhex("80140000"))
        assert cards[0].started.wait(PATIENCE)
        for driver in drivers[1:]:
            assert driver.ask(FrameType.TRANSMIT, bytes.fromhex("80840000")).payload == b"\x90\x00"
        cards[0].finish.set()
    for driver in drivers:
        driver.close()
