# SPDX-License-Identifier: Apache-2.0
"""The requests of the control channel, and its socket."""

from __future__ import annotations

import json
import os
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod.emulator import build_card
from secmod.errors import ControlError, LinkError
from secmod.reader.control import ask
from secmod.reader.control import server as control_server
from secmod.reader.control.requests import MAX_REQUEST, Control, Wish, parse
from secmod.reader.control.server import MAX_CLIENTS, ControlServer
from secmod.reader.direct import SOCKET_NAME, DirectServer
from secmod.reader.frame import Frame, FrameType
from secmod.reader.slot import Card, Slot
from tests.reader.cards import ReaderTestCard

PATIENCE = 10.0
RANDOM = bytes.fromhex("0084000008")


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="secmod-test-") as name:
        yield Path(name)


@pytest.fixture
def cards(directory: Path) -> Iterator[DirectServer]:
    slots = [Slot(build_card("tr03109_2"), directory / "reader0.sock"), Slot(ReaderTestCard(), directory / "reader1.sock")]
    with DirectServer(slots, directory / SOCKET_NAME) as server:
        yield server


@pytest.fixture
def control(cards: DirectServer) -> Control:
    return Control(cards, lambda wish: build_card(wish.profile or "open", deterministic_seed=wish.seed))


@pytest.fixture
def tell(control: Control) -> Callable[..., dict[str, Any]]:
    def tell(do: str, **more: object) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(control.answer(json.dumps({"do": do, **more}).encode()))
        return answer

    return tell


Tell = Callable[..., dict[str, Any]]


def send(slot: Slot, command: bytes) -> bytes:
    return Frame.parse(slot.answer(Frame(FrameType.TRANSMIT, 1, command).encode())).payload


def test_readers_are_listed(tell: Tell, cards: DirectServer) -> None:
    first, second = tell("list")["readers"]
    assert first == {
        "reader": 0,
        "connected": True,
        "inserted": True,
        "powered": True,
        "atr": cards.slots[0].card.atr.hex().upper(),
        "protocol": "T1",
        "profile": "tr03109_2",
    }
    assert second["profile"] is None


def test_a_card_goes_out_and_in(tell: Tell, cards: DirectServer) -> None:
    assert tell("eject")["inserted"] is False
    assert tell("eject") == {
        "ok": False,
        "kind": "EmptyReaderError",
        "error": "the reader on " + str(cards.slots[0].address) + " is empty; insert a card first",
    }
    answer = tell("insert", wait=PATIENCE)
    assert (answer["inserted"], answer["powered"]) == (True, True)
    assert "holds a card already" in tell("insert")["error"]


def test_another_card_is_made_and_put_in(tell: Tell, cards: DirectServer) -> None:
    before = cards.slots[0].card
    answer = tell("swap", profile="open", seed="replay", wait=PATIENCE)
    assert (answer["profile"], answer["powered"]) == ("open", True)
    assert cards.slots[0].card is not before
    first = send(cards.slots[0], RANDOM)
    tell("swap", profile="open", seed="replay")
    assert send(cards.slots[0], RANDOM) == first
    tell("eject")
    assert tell("swap")["inserted"] is True


@pytest.mark.parametrize(
    ("more", "sentence"), [({"profile": "nonsense"}, "nonsense"), ({"seed": ""}, "1 to 256"), ({"seed": "x" * 257}, "1 to 256")]
)
def test_a_card_that_can_not_be_made_leaves_the_old_one(
    more: dict[str, str], sentence: str, tell: Tell, cards: DirectServer
) -> None:
    before = cards.slots[0].card
    answer = tell("swap", **more)
    assert answer["ok"] is False
    assert sentence in answer["error"]
    assert (cards.slots[0].card, cards.slots[0].inserted) == (before, True)


def test_where_cards_are_others_none_can_be_made(cards: DirectServer) -> None:
    answer = json.loads(Control(cards).answer(b'{"do": "swap"}'))
    assert "the cards of these readers are others'" in answer["error"]


def test_the_state_of_a_card_names_no_secret(tell: Tell) -> None:
    card = tell("state")["card"]
    assert card["phase"]["letter"] == "I"
    assert (card["session"], card["alarm"], card["powered"]) == (None, None, True)
    passwords = {entry["name"]: entry for entry in card["passwords"]}
    assert passwords["PIN.GW"]["state"] == "transport"
    assert passwords["PIN.GW"]["tries_left"] == 10
    assert all(entry["intact"] for entry in card["files"])
    assert {entry["state"] for entry in card["private_keys"]} == {"empty"}
    assert "0000000000" not in json.dumps(card)


def test_of_a_foreign_card_nothing_is_known(tell: Tell) -> None:
    for do in ("state", "clock"):
        assert "somebody else's" in tell(do, reader=1)["error"]


def test_a_reset_forgets_what_was_selected(tell: Tell, cards: DirectServer) -> None:
    slot = cards.slots[0]
    select = bytes.fromhex("00A4040C09F05452303331303932")
    assert send(slot, select) == b"\x90\x00"
    read = bytes.fromhex("00B0000001")
    unselected = bytes.fromhex("6986")
    tell("reset")
    assert send(slot, read) == unselected
    assert slot.powered


def test_power_goes_and_comes(tell: Tell, cards: DirectServer) -> None:
    slot = cards.slots[1]
    assert tell("power", reader=1, to="off")["powered"] is False
    assert "has no power" in tell("reset", reader=1)["error"]
    assert tell("power", reader=1, to="on")["powered"] is True
    assert send(slot, bytes.fromhex("80100000")) == b"\x90\x00"
    tell("eject", reader=1)
    for request in ({"do": "power", "to": "on"}, {"do": "power", "to": "off"}):
        assert "is empty" in tell(**request, reader=1)["error"]


def test_the_clock_is_set_and_forgotten(tell: Tell) -> None:
    assert tell("clock", time="2026-11-23T08:00:00Z")["clock"] == "2026-11-23T08:00:00+00:00"
    assert tell("clock", time="2026-11-23T08:00:00")["clock"] == "2026-11-23T08:00:00+00:00"
    assert "is no time" in tell("clock", time="tomorrow")["error"]
    assert tell("state")["card"]["clock"] == "2026-11-23T08:00:00+00:00"
    assert tell("clock")["clock"] is None


def test_whoever_wants_the_card_alone_waits_for_its_command(tell: Tell, cards: DirectServer) -> None:
    card = cards.slots[1].card
    assert isinstance(card, ReaderTestCard)
    working = threading.Thread(target=send, args=(cards.slots[1], bytes.fromhex("80140000")))
    reader = cards._readers[1]
    with reader._asking():
        working.start()
        card.started.wait(PATIENCE)
        answer = {}
        waiting = threading.Thread(target=lambda: answer.update(tell("reset", reader=1)))
        waiting.start()
        assert "reset" not in card.history
        card.finish.set()
        working.join(PATIENCE)
    waiting.join(PATIENCE)
    assert answer["ok"] is True
    assert card.history[-1] == "reset"


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"", "one JSON object"),
        (b"[]", "one JSON object"),
        (b'"list"', "one JSON object"),
        (b"{", "one JSON object"),
        (b"\xff\xfe", "one JSON object"),
        (b'{"do": NaN}', "no number"),
        (b'{"do": ' + b"9" * 5000 + b"}", "5000 digits"),
        (b"[" * 100_000, "one JSON object"),
        (b" " * (MAX_REQUEST + 1), "at most"),
        (b"{}", "'do' is missing"),
        (b'{"do": 1}', "must be text"),
        (b'{"do": "ejekt"}', "'eject' (a typing error?)"),
        (b'{"do": "list", "reader": 0}', "'reader' is not known"),
        (b'{"do": "eject", "reader": -1}', "outside"),
        (b'{"do": "eject", "reader": true}', "whole number"),
        (b'{"do": "insert", "wait": "long"}', "must be a number"),
        (b'{"do": "insert", "wait": 1e99}', "outside"),
        (b'{"do": "power"}', "'to' is missing"),
        (b'{"do": "power", "to": "up"}', "not known"),
    ],
)
def test_what_is_no_request_is_named(line: bytes, sentence: str, control: Control) -> None:
    answer = json.loads(control.answer(line))
    assert (answer["ok"], answer["kind"]) == (False, "ControlError")
    assert sentence in answer["error"]


def test_a_reader_that_is_not_there_is_an_error_of_its_own(control: Control) -> None:
    answer = json.loads(control.answer(b'{"do": "eject", "reader": 2}'))
    assert (answer["kind"], "the last one is 1" in answer["error"]) == ("NoReaderError", True)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers(), max_size=2)


@given(
    st.dictionaries(st.sampled_from(["do", "reader", "wait", "time", "to", "x"]) | st.text(), VALUES)
    | st.fixed_dictionaries({"do": st.sampled_from(["list", "state", "clock"])}, optional={"reader": VALUES, "time": VALUES})
)
def test_any_object_gets_an_answer(request: dict[str, object]) -> None:
    slots = [Slot(build_or_reuse(), "reader0")]
    server = DirectServer(slots, "/nowhere/s")
    answer = json.loads(Control(server).answer(json.dumps(request).encode()))
    assert answer["ok"] or answer["kind"] in {"ControlError", "LinkError", "EmptyReaderError", "NoReaderError"}


_CARDS: list[Any] = []


def build_or_reuse() -> Any:
    if not _CARDS:
        _CARDS.append(build_card("open"))
    return _CARDS[0]


@given(st.binary())
def test_any_bytes_are_an_object_or_an_error(line: bytes) -> None:
    with suppress(ControlError):
        assert isinstance(parse(line), dict)


# ---- the socket ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def channel(control: Control, directory: Path) -> Iterator[ControlServer]:
    with ControlServer(control, directory / "control.sock") as server:
        yield server


def connect(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(PATIENCE)
    sock.connect(str(path))
    return sock


def test_the_client_gets_answers_and_errors(channel: ControlServer) -> None:
    assert [reader["reader"] for reader in ask(channel.path, {"do": "list"})["readers"]] == [0, 1]
    with pytest.raises(LinkError, match="holds a card already"):
        ask(channel.path, {"do": "insert"})
    with pytest.raises(ControlError, match="typing error"):
        ask(channel.path, {"do": "lists"})
    with pytest.raises(ControlError, match="no profile"):  # a ProfileError at the other end
        ask(channel.path, {"do": "swap", "profile": "nonsense"})


def test_a_request_may_come_byte_by_byte_and_several_at_once(channel: ControlServer) -> None:
    with connect(channel.path) as sock, sock.makefile("rb") as answers:
        for byte in b'{"do": "list"}\n':
            sock.sendall(bytes([byte]))
        assert json.loads(answers.readline())["ok"]
        sock.sendall(b'\n{"do": "list"}\nrubbish\n{"do": "list"}\n')
        assert [json.loads(answers.readline())["ok"] for _ in range(3)] == [True, False, True]


def test_the_file_is_its_owners_and_goes_with_the_server(control: Control, directory: Path) -> None:
    with ControlServer(control, directory / "control.sock") as server:
        assert server.path.stat().st_mode & 0o777 == 0o600
        with pytest.raises(LinkError, match="another process listens"):
            ControlServer(control, server.path).start()
        assert ask(server.path, {"do": "list"})
    assert not server.path.exists()
    with pytest.raises(LinkError, match="no emulator listens"):
        ask(server.path, {"do": "list"})


def test_who_sends_too_much_is_told_and_left(channel: ControlServer) -> None:
    with connect(channel.path) as sock, sock.makefile("rb") as answers:
        line = b""
        with suppress(OSError):  # the other end hangs up while this one still sends
            sock.sendall(b"x" * 2 * MAX_REQUEST)
        with suppress(OSError):
            line = answers.readline()
        assert not line or "at most" in json.loads(line)["error"]
    assert ask(channel.path, {"do": "list"})


def test_clients_that_say_nothing_or_never_read_are_in_nobodys_way(channel: ControlServer) -> None:
    with ExitStack() as stack:
        for number in range(3 * MAX_CLIENTS):
            sock = stack.enter_context(connect(channel.path))
            sock.setblocking(False)
            if number % 2:
                with suppress(BlockingIOError):
                    while True:
                        sock.send(b'{"do": "list"}\n' * 100)
            assert ask(channel.path, {"do": "list"})
    assert len(channel._clients) <= MAX_CLIENTS


def test_a_silent_client_is_dropped(control: Control, directory: Path) -> None:
    with ControlServer(control, directory / "control.sock", idle=0.05) as server, connect(server.path) as sock:
        assert sock.recv(1) == b""
        assert ask(server.path, {"do": "list"})


def test_without_descriptors_it_goes_on_later(channel: ControlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_server, "_PAUSE", 0.01)
    accept, failed = channel._listener.accept, []

    def fail() -> Any:
        if not failed:
            failed.append(True)
            raise OSError(24, os.strerror(24))
        return accept()

    channel._listener.accept = fail
    assert ask(channel.path, {"do": "list"})
    assert ask(channel.path, {"do": "list"})


def test_a_thread_that_can_not_be_had_turns_the_client_away(channel: ControlServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(control_server.threading.Thread, "start", lambda _: (_ for _ in ()).throw(RuntimeError("no thread")))
        with pytest.raises(LinkError, match=r"is no answer|does not answer"):
            ask(channel.path, {"do": "list"})
    assert ask(channel.path, {"do": "list"})


def test_who_is_no_emulator_is_named(directory: Path) -> None:
    path = directory / "control.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen(2)
        for said in (b"hello\n", b'{"ok": 1}\n'):
            thread = threading.Thread(target=_say, args=(listener, said))
            thread.start()
            with pytest.raises(LinkError, match="is no answer of an emulator"):
                ask(path, {"do": "list"})
            thread.join(PATIENCE)


def _say(listener: socket.socket, said: bytes) -> None:
    sock, _ = listener.accept()
    with sock:
        sock.recv(1000)
        sock.sendall(said)


class Meddled(DirectServer):
    """Somebody else asks for something while a card is on its way into reader 0."""

    meddle: Callable[[], None]

    def insert(self, reader: int, card: Card | None = None, *, powered_within: float | None = None) -> None:
        if reader == 0:
            self.meddle()
        super().insert(reader, card, powered_within=powered_within)


def test_a_card_is_never_in_two_readers(directory: Path) -> None:
    slots = [Slot(ReaderTestCard(), directory / f"reader{number}.sock") for number in range(2)]
    wanted, answers = ReaderTestCard(), []
    with Meddled(slots, directory / SOCKET_NAME) as server:
        control = Control(server, lambda _: wanted)
        server.meddle = lambda: answers.append(json.loads(control.answer(b'{"do": "swap", "reader": 1}')))
        assert json.loads(control.answer(b'{"do": "swap", "reader": 0}'))["ok"] is True
        assert (answers[0]["ok"], "this card is in reader 0" in answers[0]["error"]) == (False, True)
        assert slots[1].card is not wanted
        server.eject(0)
        assert json.loads(control.answer(b'{"do": "swap", "reader": 1}'))["ok"] is True
        assert "in reader 1" in json.loads(control.answer(b'{"do": "insert", "reader": 0}'))["error"]


def test_a_wish_is_passed_on(cards: DirectServer) -> None:
    wishes: list[Wish] = []

    def make(wish: Wish) -> ReaderTestCard:
        wishes.append(wish)
        return ReaderTestCard()

    control = Control(cards, make)
    json.loads(control.answer(b'{"do": "swap", "reader": 1, "profile": "p", "module": 7, "seed": "s"}'))
    assert wishes == [Wish(1, "p", 7, b"s")]


def test_commands_wait_while_a_card_is_held() -> None:
    """The way of the driver and of a vpcd: a thread in `answer`, and a marker that says so."""
    card = ReaderTestCard()
    slot = Slot(card, "/nowhere/reader0.sock")
    slot.answer(Frame(FrameType.POWER_UP, 1).encode())
    working = threading.Event()
    answers: list[bytes] = []

    def transmit(kind: FrameType, command: bytes) -> None:
        working.set()
        answers.append(slot.answer(Frame(kind, 1, command).encode()))
        working.clear()

    for kind, command in ((FrameType.TRANSMIT, bytes.fromhex("80100000")), (FrameType.RESET, b"")):
        thread = threading.Thread(target=transmit, args=(kind, command))
        with slot.hold(working.is_set, PATIENCE):
            thread.start()
            while not slot._at_door:
                time.sleep(0.001)
            assert answers == []
            slot.restart()
        thread.join(PATIENCE)
        assert len(answers) == 1
        answers.clear()
    with pytest.raises(LinkError, match="does not come to an end"), slot.hold(lambda: True, 0.01):
        pass
    with slot.hold(working.is_set, PATIENCE):
        with pytest.raises(LinkError, match="does not come to an end"), slot.hold(working.is_set, 0.01):
            pass
        slot.eject()
    with pytest.raises(LinkError, match="is empty"), slot.hold(working.is_set, PATIENCE):
        slot.set_power(on=True)
    assert Frame.parse(slot.answer(Frame(FrameType.TRANSMIT, 1, b"\0\0\0\0").encode())).type is FrameType.FAULT


def test_every_request_is_in_the_handbook(control: Control) -> None:
    text = (Path(__file__).parents[2] / "docs/control.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)` \|", text, re.MULTILINE)) == {"do", *control._verbs}
