# SPDX-License-Identifier: Apache-2.0
"""Both ends of a vpcd connection, with the other end played byte by byte."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Self

import pytest

from secmod.errors import LinkError
from secmod.reader.slot import Card, Slot
from secmod.reader.vpcd import HOST, PORT, VpcdCard, VpcdListener, VpcdServer, parse_address
from tests.reader.cards import ATR, ReaderTestCard

ECHO = bytes.fromhex("8010000003AABBCC")


class Peer:
    """Messages on a socket."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        sock.settimeout(20)

    def send(self, message: bytes) -> None:
        """As Debian's vpcd does: length and bytes apart."""
        self.sock.sendall(len(message).to_bytes(2, "big"))
        self.sock.sendall(message)

    def hear(self) -> bytes | None:
        head = self.sock.recv(2, socket.MSG_WAITALL)
        return self.sock.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL) if head else None

    def ask(self, message: bytes) -> bytes | None:
        self.send(message)
        return self.hear()


class Vpcd:
    """Somebody's vpcd with one place."""

    def __init__(self) -> None:
        self._listener = socket.create_server((HOST, 0))
        self._listener.settimeout(20)
        self.port = self._listener.getsockname()[1]
        self._sockets = [self._listener]

    def accept(self) -> Peer:
        self._sockets.append(self._listener.accept()[0])
        return Peer(self._sockets[-1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for sock in self._sockets:
            sock.close()


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", (HOST, PORT)),
        ("4711", (HOST, 4711)),
        (":4711", (HOST, 4711)),
        ("there", ("there", PORT)),
        ("there:4711", ("there", 4711)),
        ("[::1]:4711", ("::1", 4711)),
    ],
)
def test_addresses(text: str, address: tuple[str, int]) -> None:
    assert parse_address(text) == address


@pytest.mark.parametrize("text", ["there:port", "there:0", "there:65536", "there:-1", "there:1:2", "::1:4711"])
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(LinkError, match=f"'{text}' is no address of a vpcd"):
        parse_address(text)


# ---- our card in somebody's vpcd ----------------------------------------------------------------------------------------------


@pytest.fixture
def vpcd() -> Iterator[Vpcd]:
    with Vpcd() as vpcd:
        yield vpcd


def test_a_card_is_powered_asked_and_reset(vpcd: Vpcd) -> None:
    card = ReaderTestCard()
    with VpcdServer([Slot(card, "reader0")], HOST, vpcd.port) as server:
        peer = vpcd.accept()
        server.wait_connected(20)
        assert peer.ask(b"\x04") == ATR
        assert peer.ask(ECHO) == bytes.fromhex("6F00")  # no power yet
        peer.send(b"\x01")
        assert peer.ask(ECHO) == ECHO[4:] + b"\x90\x00"
        peer.send(b"\x02")
        assert peer.ask(b"\x04") == ATR
        peer.send(b"\x00")
        peer.send(b"\x77")  # means nothing
        assert peer.ask(b"\x04") == ATR
        assert card.history == ["off", "on", "reset", "off"]
        assert peer.ask(b"") == bytes.fromhex("6700")
    assert peer.hear() is None
    assert server.wait(0)


def test_messages_of_65535_bytes_pass_and_longer_answers_are_refused(vpcd: Vpcd) -> None:
    with VpcdServer([Slot(ReaderTestCard(), "reader0")], HOST, vpcd.port):
        peer = vpcd.accept()
        peer.send(b"\x01")
        longest = bytes.fromhex("80100000") + bytes(0xFFFF - 6)
        assert peer.ask(longest) == longest[4:] + b"\x90\x00"
        assert len(peer.ask(bytes.fromhex("8012FFFD"))) == 0xFFFF
        assert peer.ask(bytes.fromhex("8012FFFE")) == bytes.fromhex("6F00")
        assert peer.ask(bytes.fromhex("80160000")) == bytes.fromhex("6F00")  # the card fails


def test_a_vpcd_may_restart_and_a_card_may_leave_and_come(vpcd: Vpcd) -> None:
    card = ReaderTestCard()
    with VpcdServer([Slot(card, "reader0")], HOST, vpcd.port) as server:
        first = vpcd.accept()
        first.send(b"\x01")
        assert first.ask(ECHO)[-2:] == b"\x90\x00"
        first.sock.close()
        second = vpcd.accept()
        assert second.ask(b"\x04") == ATR
        server.eject(0)
        assert second.hear() is None
        with pytest.raises(LinkError, match="is empty"):
            server.eject(0)
        other = ReaderTestCard(ATR[:-1] + b"\x77")
        server.insert(0, other)
        assert vpcd.accept().ask(b"\x04") == other.atr
        with pytest.raises(LinkError, match="holds a card already"):
            server.insert(0)
    assert card.history[-1] == "off"


def test_it_waits_for_a_vpcd_and_stops_without_one() -> None:
    with Vpcd() as vpcd:
        port = vpcd.port
    server = VpcdServer([Slot(ReaderTestCard(), "reader0")], HOST, port)
    with server, pytest.raises(LinkError, match="no vpcd took the card within"):
        server.wait_connected(0.05)
    assert server.wait(0)


# ---- somebody's card in our reader --------------------------------------------------------------------------------------------


class Reader:
    """Where cards come to."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.card: Card | None = None
        self.comings = 0

    def insert(self, card: Card) -> None:
        with self.changed:
            self.card, self.comings = card, self.comings + 1
            self.changed.notify_all()

    def eject(self) -> None:
        with self.changed:
            self.card = None
            self.changed.notify_all()

    def wait(self, *, present: bool) -> Card | None:
        with self.changed:
            assert self.changed.wait_for(lambda: (self.card is not None) is present, 20)
            return self.card


class Stranger(threading.Thread):
    """A card process: answers as told, and notes what it is asked."""

    def __init__(self, port: int, answer: Callable[[bytes], bytes | None] = lambda command: command[::-1]) -> None:
        super().__init__(daemon=True)
        self.heard: list[bytes] = []
        self.peer = Peer(socket.create_connection((HOST, port)))
        self._answer = answer
        self.start()

    def run(self) -> None:
        with contextlib.suppress(OSError):
            while (message := self.peer.hear()) is not None:
                self.heard.append(message)
                answer = ATR if message == b"\x04" else self._answer(message) if len(message) > 1 else None
                if answer is not None:
                    self.peer.send(answer)

    def leave(self) -> None:
        with contextlib.suppress(OSError):
            self.peer.sock.shutdown(socket.SHUT_RDWR)
        self.join(20)
        self.peer.sock.close()


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def listener(reader: Reader) -> Iterator[VpcdListener]:
    with VpcdListener(0, reader.insert, reader.eject, deadline=0.3) as listener:
        yield listener


def test_a_stranger_is_a_card(reader: Reader, listener: VpcdListener) -> None:
    stranger = Stranger(listener.port)
    card = reader.wait(present=True)
    assert card.power_on() == card.reset() == card.atr == ATR
    assert card.transmit(ECHO) == ECHO[::-1]
    longest = bytes(range(256)) * 255 + bytes(255)
    assert card.transmit(longest) == longest[::-1]
    assert card.transmit(b"\x00") == card.transmit(bytes(0x10000)) == bytes.fromhex("6700")  # it can not carry these
    card.power_off()
    assert card.transmit(ECHO) == ECHO[::-1]
    assert stranger.heard == [b"\x04", b"\x01", b"\x04", b"\x02", b"\x04", ECHO, longest, b"\x00", ECHO]
    stranger.leave()
    reader.wait(present=False)
    with pytest.raises(LinkError):
        card.transmit(ECHO)
    card.power_off()


def test_one_after_the_other(reader: Reader, listener: VpcdListener) -> None:
    first = Stranger(listener.port)
    reader.wait(present=True)
    second = Stranger(listener.port)  # waits for its turn
    first.leave()
    with reader.changed:
        assert reader.changed.wait_for(lambda: reader.comings == 2, 20)
    assert reader.card.transmit(ECHO) == ECHO[::-1]
    second.leave()


@pytest.mark.parametrize("atr", [b"", b"\x3b", bytes(34), None])
def test_who_has_no_answer_to_reset_is_no_card(atr: bytes | None, reader: Reader, listener: VpcdListener) -> None:
    with socket.create_connection((HOST, listener.port)) as sock:
        peer = Peer(sock)
        assert peer.hear() == b"\x04"
        if atr is None:
            sock.shutdown(socket.SHUT_WR)
        else:
            peer.send(atr)
        assert peer.hear() is None
    stranger = Stranger(listener.port)
    reader.wait(present=True)
    assert reader.comings == 1
    stranger.leave()


def test_a_card_that_does_not_answer_in_time_is_taken_out(reader: Reader, listener: VpcdListener) -> None:
    stranger = Stranger(listener.port, lambda _command: None)
    card = reader.wait(present=True)
    with pytest.raises(LinkError, match="does not answer"):
        card.transmit(ECHO)
    reader.wait(present=False)
    stranger.leave()


def test_an_answer_byte_by_byte_has_no_more_time_than_another(reader: Reader, listener: VpcdListener) -> None:
    with socket.create_connection((HOST, listener.port)) as sock:
        peer = Peer(sock)
        assert peer.hear() == b"\x04"
        peer.send(ATR)
        card = reader.wait(present=True)
        done = threading.Event()

        def drip() -> None:
            with contextlib.suppress(OSError):
                sock.sendall(b"\xff\xff")
                while not done.wait(0.05):
                    sock.sendall(b"\x90")

        dripping = threading.Thread(target=drip)
        dripping.start()
        with pytest.raises(LinkError, match="does not answer"):
            card.transmit(ECHO)
        reader.wait(present=False)
        done.set()
        dripping.join()


def test_an_answer_that_nobody_asked_for_is_never_taken_for_one(reader: Reader, listener: VpcdListener) -> None:
    with socket.create_connection((HOST, listener.port)) as sock:
        peer = Peer(sock)
        assert peer.hear() == b"\x04"
        peer.send(ATR)
        card = reader.wait(present=True)
        peer.send(b"\x61\x11")
        with pytest.raises(LinkError, match="speaks unasked"):
            card.transmit(ECHO)
    reader.wait(present=False)


def test_who_says_nothing_keeps_no_card_from_coming(reader: Reader, listener: VpcdListener) -> None:
    silent = [socket.create_connection((HOST, listener.port)) for _ in range(100)]
    for sock in silent[64:]:
        sock.settimeout(20)
        assert sock.recv(3) == b""  # too many
    silent[0].close()
    silent[1].close()
    while reader.comings == 0:  # until its place is free
        stranger = Stranger(listener.port)
        with reader.changed:
            reader.changed.wait_for(lambda: reader.comings, 0.2)
        if not reader.comings:
            stranger.leave()
    assert reader.card.transmit(ECHO) == ECHO[::-1]
    stranger.leave()
    for sock in silent:
        sock.close()


def test_half_an_answer_is_none(reader: Reader, listener: VpcdListener) -> None:
    with socket.create_connection((HOST, listener.port)) as sock:
        peer = Peer(sock)
        assert peer.hear() == b"\x04"
        peer.send(ATR)
        card = reader.wait(present=True)
        sock.sendall(b"\x00\x05\x90")
        sock.shutdown(socket.SHUT_WR)
        with pytest.raises(LinkError):
            card.transmit(ECHO)
    reader.wait(present=False)


def test_a_full_reader_refuses(reader: Reader) -> None:
    def full(_card: Card) -> None:
        raise LinkError("holds a card already")

    with VpcdListener(0, full, reader.eject) as listener:
        stranger = Stranger(listener.port)
        stranger.join(20)
        assert not stranger.is_alive()
        stranger.leave()


def test_only_this_machine_is_listened_to(listener: VpcdListener) -> None:
    assert listener._listener.getsockname() == (HOST, listener.port)
    with pytest.raises(LinkError, match=f"can not listen on {HOST}:{listener.port}: .*choose another port"):
        VpcdListener(listener.port, lambda _card: None, lambda: None)


def test_both_ends_together(reader: Reader, listener: VpcdListener) -> None:
    ours = ReaderTestCard()
    with VpcdServer([Slot(ours, "reader0")], HOST, listener.port):
        card = reader.wait(present=True)
        assert isinstance(card, VpcdCard)
        card.power_on()
        assert card.transmit(ECHO) == ECHO[4:] + b"\x90\x00"
    reader.wait(present=False)
