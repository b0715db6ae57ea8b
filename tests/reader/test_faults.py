# SPDX-License-Identifier: Apache-2.0
"""Each fault: what the host gets, and the card afterwards.  In tests/pcsc programs see those on the line."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod import SecurityModule
from secmod.emulator import build_card
from secmod.errors import (
    CardFaultError,
    FaultPlanError,
    LinkError,
    SecureMessagingError,
    SessionOverError,
    TransportError,
)
from secmod.profile import load_profile
from secmod.reader.faults import Faults
from secmod.reader.faults.plan import KINDS, MAX_FAULTS, read_line, read_plan
from secmod.reader.faults.selector import Counter, Selector
from secmod.reader.frame import Fault, Frame, FrameType
from secmod.reader.slot import Place, Slot
from secmod.transport.local import LocalTransport
from tests.reader.cards import ATR, ReaderTestCard

ECHO = bytes.fromhex("8010000002CAFE")
ECHOED = bytes.fromhex("02CAFE9000")
GIVEN_UP = ("silence", None)
DELIVERED = "0000000000"


class Line:
    """The line of a reader that nobody reads: it notes what is done to it."""

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.events: list[Any] = []

    def insert(self) -> None:
        self.slot.insert()
        self.events.append("insert")

    def eject(self) -> None:
        self.slot.eject()
        self.events.append("eject")

    def silence(self, seconds: float | None) -> None:
        self.events.append(("silence", seconds))

    def storm(self, count: int) -> bool:
        self.events.append(("storm", count))
        return count < 100

    def part(self, answer: bytes) -> None:
        self.events.append(("part", answer))


class Bench:
    """Readers with cards in them, faults, and a host that sends whole frames."""

    def __init__(self, *cards: Any) -> None:
        self.slots = [Slot(card, f"/nowhere/reader{number}.sock") for number, card in enumerate(cards)]
        self.lines = [Line(slot) for slot in self.slots]
        self.faults = Faults(SimpleNamespace(slots=self.slots, line=self.lines.__getitem__))
        for number in range(len(cards)):
            self.power(number)

    def ask(self, kind: FrameType, payload: bytes = b"", reader: int = 0) -> bytes | Fault:
        raw = self.slots[reader].answer(Frame(kind, 1, payload).encode())
        return Fault(raw[8]) if raw[0] == FrameType.FAULT else raw[8:]

    def power(self, reader: int = 0) -> bytes | Fault:
        return self.ask(FrameType.POWER_UP, b"", reader)

    def send(self, command: bytes = ECHO, reader: int = 0) -> bytes | Fault:
        return self.ask(FrameType.TRANSMIT, command, reader)


@pytest.fixture
def bench() -> Bench:
    return Bench(ReaderTestCard(), ReaderTestCard())


# ---- when ----------------------------------------------------------------------------------------------------------------------


def strikes(selector: str, commands: int = 12, ins: int = 0x10) -> list[int]:
    bench = Bench(ReaderTestCard())
    bench.faults.add(f"status sw=0x6F00 {selector}")
    return [n for n in range(1, commands + 1) if bench.send(bytes([0x80, ins, 0, 0])) == b"\x6f\x00"]


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("", [1]),
        ("times=always", list(range(1, 13))),
        ("times=0", list(range(1, 13))),
        ("times=3", [1, 2, 3]),
        ("apdu=4", [4]),
        ("nth=4", [4]),
        ("every=5", [5, 10]),
        ("every=5 times=once", [5]),
        ("ins=0x10 nth=2", [2]),
        ("ins=16,0x84", [1]),
        ("ins=select", []),
        ("ins=[0x10, 0x12] every=6", [6, 12]),
        ("probability=0", []),
        ("probability=1", list(range(1, 13))),
        ("reader=0", [1]),
    ],
)
def test_selectors(selector: str, expected: list[int]) -> None:
    if selector.startswith("ins=["):
        selector = selector.replace(", ", ",")
    elif selector.startswith("ins=16"):
        selector = "ins=[16,0x84]"
    assert strikes(selector) == expected


def test_commands_are_counted_all_or_those_that_match(bench: Bench) -> None:
    bench.faults.add("status sw=0x6F00 ins=0x10 apdu=3")
    bench.faults.add("status sw=0x6F01 ins=0x10 nth=3")
    answers = [bench.send(bytes([0x80, ins, 0, 0])) for ins in (0x10, 0x12, 0x10, 0x12, 0x10, 0x10)]
    assert [answer for answer in answers if answer != b"\x90\x00"] == [b"\x6f\x00", b"\x6f\x01"]
    assert answers.index(b"\x6f\x00") == 2
    assert answers.index(b"\x6f\x01") == 4


def test_chance_is_the_same_with_the_same_seed() -> None:
    def run(seed: str) -> list[bytes | Fault]:
        bench = Bench(ReaderTestCard())
        bench.faults.load(f'seed = "{seed}"\n[[fault]]\nkind = "flip"\nprobability = 0.5\n')
        return [bench.send() for _ in range(64)]

    assert run("a") == run("a") != run("b")
    assert 10 < sum(answer != ECHOED for answer in run("a")) < 54


def test_readers_are_counted_apart(bench: Bench) -> None:
    bench.faults.add("status sw=0x6F00 apdu=2")
    bench.faults.add("status sw=0x6F01 reader=1 apdu=3")
    assert [bench.send(reader=0) for _ in range(3)] == [ECHOED, b"\x6f\x00", ECHOED]
    assert [bench.send(reader=1) for _ in range(3)] == [ECHOED, b"\x6f\x00", b"\x6f\x01"]
    assert [fault["struck"] for fault in bench.faults.list()] == [2, 1]


@given(st.integers(1, 20), st.integers(1, 20), st.integers(0, 5))
def test_every_and_times(every: int, nth: int, times: int) -> None:
    counter = Counter(Selector(every=every, times=times), Random(0))
    hits = [n for n in range(1, 61) if counter.hits(0x84)]
    assert hits == list(range(every, 61, every))[: times or None]
    assert counter.struck == len(hits)
    once = Counter(Selector(nth=nth), Random(0))
    assert [n for n in range(1, 61) if once.hits(None)] == [nth]
    assert once.spent


# ---- the plan ------------------------------------------------------------------------------------------------------------------

PLAN = """
seed = "2026"

[[fault]]
kind = "status"
sw = 0x6F00
ins = "PSO"
nth = 2

[[fault]]
kind = "atr"
value = "3B00"
times = "always"
reader = 1
"""


def test_a_plan_is_read_listed_replaced_and_cleared(bench: Bench) -> None:
    bench.faults.load(PLAN)
    assert bench.faults.list() == [
        {"number": 1, "kind": "status", "text": "status sw=28416 ins=PSO nth=2", "struck": 0},
        {"number": 2, "kind": "atr", "text": "atr value=3B00 times=always reader=1", "struck": 0},
    ]
    assert (bench.power(0), bench.power(1)) == (ATR, b"\x3b\x00")
    assert bench.faults.add("mute") == 3
    bench.faults.clear(2)
    assert [fault["number"] for fault in bench.faults.list()] == [1, 3]
    assert bench.power(1) == ATR
    with pytest.raises(FaultPlanError, match="no fault 2"):
        bench.faults.clear(2)
    bench.faults.load(PLAN)
    assert [fault["number"] for fault in bench.faults.list()] == [4, 5]
    bench.faults.clear()
    assert bench.faults.list() == []


def test_a_plan_that_can_not_be_read_changes_nothing(bench: Bench) -> None:
    bench.faults.load(PLAN)
    before = bench.faults.list()
    for text in ("[[fault]]\nkind = 'mute'\n[[fault]]\nkind = 'mut'\n", "[[fault]]\nkind = 'mute'\nreader = 2\n"):
        with pytest.raises(FaultPlanError):
            bench.faults.load(text)
    assert bench.faults.list() == before


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed = 1", "must be text"),
        ("nonsense = 1", "'nonsense' is not known here"),
        ("fault = 1", "must be a list"),
        ("fault = [1]", "must be a table"),
        ("[[fault]]", "'kind' is missing"),
        ("[[fault]]\nkind = 'flop'", "'flip' (a typing error?)"),
        ("[[fault]]\nkind = 'mute'\nexecuted = 1", "mute: 'executed' must be true or false"),
        ("[[fault]]\nkind = 'status'", "'sw' is missing"),
        ("[[fault]]\nkind = 'status'\nsw = 65536", "outside"),
        ("[[fault]]\nkind = 'status'\nsw = 1\nwhere = 'outside'", "not known"),
        ("[[fault]]\nkind = 'length'\nby = 0", "not 0"),
        ("[[fault]]\nkind = 'late'", "'seconds' is missing"),
        ("[[fault]]\nkind = 'late'\nseconds = nan", "outside"),
        ("[[fault]]\nkind = 'remove'\nbyte = 3\nat = 'before'", "does not go with"),
        ("[[fault]]\nkind = 'atr'\nvalue = 'XY'", "no hexadecimal"),
        ("[[fault]]\nkind = 'atr'\nvalue = '3B00'\napdu = 3", "'apdu' is not known"),
        ("[[fault]]\nkind = 'self-test'\ntests = ['AESS']", "'AES' (a typing error?)"),
        ("[[fault]]\nkind = 'mute'\nins = 'PZO'", "'pso' (a typing error?)"),
        ("[[fault]]\nkind = 'mute'\nins = 256", "no instruction"),
        ("[[fault]]\nkind = 'mute'\ntimes = 'often'", '"once" or "always"'),
        ("[[fault]]\nkind = 'mute'\nprobability = 2", "outside"),
        ("x = " + "[" * 5000, "no TOML"),
        ("x = " + "9" * 5000, "no TOML"),
        ("[", "no TOML"),
    ],
)
def test_what_is_wrong_with_a_plan_is_named(text: str, sentence: str) -> None:
    with pytest.raises(FaultPlanError) as caught:
        read_plan(text, "mine.toml")
    assert str(caught.value).startswith("mine.toml")
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("", "write KIND name=value"),
        ("flip 'bits", "write KIND name=value"),
        ("flip bits", "no name=value"),
        ("flip bits=1 bits=2", "comes twice"),
        ("flip bits=many", "whole number"),
        ("flip kind=mute", "comes twice"),
        ("flip bits=1\n[x]", "no name=value"),
        ("flip 'bits=1\n[x]'", "whole number"),
    ],
)
def test_what_is_wrong_with_a_line_is_named(line: str, sentence: str) -> None:
    with pytest.raises(FaultPlanError) as caught:
        read_line(line)
    assert sentence in str(caught.value)


def test_hexadecimal_stays_text_in_a_line(bench: Bench) -> None:
    bench.faults.add("atr value=3000 times=2")
    bench.faults.add("atr value=3E10 nth=2")
    assert bench.power() == b"\x30\x00"
    assert bench.power() == b"\x30\x00"
    assert bench.faults.list()[1]["struck"] == 1


@given(st.text(max_size=60) | st.builds(lambda k, t: f"{k} {t}", st.sampled_from(sorted(KINDS)), st.text(max_size=40)))
def test_any_line_is_a_fault_or_an_error(line: str) -> None:
    with suppress(FaultPlanError):
        read_line(line)


@given(st.text(max_size=200))
def test_any_text_is_a_plan_or_an_error(text: str) -> None:
    for tried in (text, f"[[fault]]\nkind = 'flip'\n{text}"):
        with suppress(FaultPlanError):
            read_plan(tried)


def test_there_is_an_end_to_plans(bench: Bench) -> None:
    bench.faults.load("[[fault]]\nkind = 'mute'\n" * MAX_FAULTS)
    with pytest.raises(FaultPlanError, match="at most"):
        bench.faults.add("mute")
    bench.faults.load("[[fault]]\nkind = 'mute'\n" * MAX_FAULTS)


# ---- nothing where there is no plan --------------------------------------------------------------------------------------------


def test_without_a_plan_a_command_goes_to_the_card_itself() -> None:
    """Before any, after the last is cleared, and in a reader that no fault is for."""
    cards = [build_card("open"), build_card("open")]
    bench = Bench(*cards)

    def bound(reader: int) -> bool:
        return bench.slots[reader]._transmit == cards[reader].transmit

    assert bound(0)
    bench.faults.add("mute reader=0 nth=5")
    assert not bound(0)
    assert bound(1)
    bench.faults.clear()
    assert bound(0)
    assert bench.slots[0]._interposers == {}
    assert not hasattr(cards[0], "__dict__") or "_answer" not in vars(cards[0])


def test_without_a_plan_no_module_of_faults_is_loaded(tmp_path: Path) -> None:
    code = f"""
import sys, threading
from click.testing import CliRunner
from secmod.cli import serve
from secmod.reader.control import ask
from pathlib import Path
directory = Path({str(tmp_path)!r})
def play():
    while True:
        try:
            ask(directory / "control.sock", {{"do": "state"}})
            break
        except Exception: pass
    print(*[name for name in sys.modules if "faults" in name or "inside" in name or "latency" in name], "none")
    ask(directory / "control.sock", {{"do": "list-faults"}})
    print(*sorted(name for name in sys.modules if name == "secmod.reader.faults"))
    import os, signal
    os.kill(os.getpid(), signal.SIGTERM)
threading.Thread(target=play).start()
serve.command.main(["--direct", "--socket-dir", str(directory)], standalone_mode=False)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split("\n")[:2] == ["none", "secmod.reader.faults"]


# ---- answers -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("status sw=0x6400", "6400"),
        ("status sw=0x6400 keep_data=true", "02CAFE6400"),
        ("length by=2", "02CAFE00009000"),
        ("length by=-2", "029000"),
        ("length by=-20", "9000"),
        ("truncate to=4", "02CAFE90"),
        ("truncate to=0", ""),
        ("oversize to=8", "02CAFE0000009000"),
        ("flip at=0", "82CAFE9000"),
        ("flip at=39", "02CAFE9001"),
        ("flip at=40", "02CAFE9000"),
        ("flip bits=1000", "FD35016FFF"),
    ],
)
def test_answers_on_the_wire(fault: str, answer: str, bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.faults.add(fault)
    assert bench.send() == bytes.fromhex(answer)
    assert bench.send() == ECHOED
    assert f"reader0: fault 1 at command 1 (INS 10): {fault}" in caplog.text


def test_bits_by_chance_are_as_many_as_told(bench: Bench) -> None:
    bench.faults.add("flip bits=3")
    answer = bench.send()
    assert isinstance(answer, bytes)
    assert (int.from_bytes(answer) ^ int.from_bytes(ECHOED)).bit_count() == 3


def test_faults_at_the_same_command_are_nested(bench: Bench) -> None:
    bench.faults.add("truncate to=1")
    bench.faults.add("status sw=0x6F00")
    assert bench.send() == b"\x6f"


def test_an_answer_of_t0_is_altered_where_the_reader_gets_it() -> None:
    bench = Bench(ReaderTestCard())
    bench.ask(FrameType.PROTOCOL, b"\0")
    bench.faults.add("status sw=0x6F00 nth=2")
    assert bench.send() == b"\x61\x04"
    assert bench.send(bytes.fromhex("00C0000004")) == b"\x6f\x00"


# ---- the line ------------------------------------------------------------------------------------------------------------------


class CountingCard(ReaderTestCard):
    def __init__(self) -> None:
        super().__init__()
        self.commands = 0

    def transmit(self, command: bytes) -> bytes:
        self.commands += 1
        return super().transmit(command)


@pytest.mark.parametrize(
    ("fault", "executed", "events"),
    [
        ("remove", 0, ["eject", GIVEN_UP]),
        ("remove at=after", 1, [("part", b""), "eject", GIVEN_UP]),
        ("remove byte=2", 1, [("part", b"\x02\xca"), "eject", GIVEN_UP]),
    ],
)
def test_a_card_is_dropped(fault: str, executed: int, events: list[Any]) -> None:
    card = CountingCard()
    bench = Bench(card)
    bench.faults.add(fault)
    assert bench.send() is Fault.NO_CARD
    assert bench.lines[0].events == events
    assert card.commands == executed
    assert not bench.slots[0].inserted
    bench.slots[0].insert()
    card.history.clear()
    assert bench.power() == ATR
    assert card.history == ["off", "on"]
    assert bench.send() == ECHOED


def test_a_card_comes_back_by_itself(bench: Bench) -> None:
    bench.faults.add("remove back_after=0.01")
    assert bench.send() is Fault.NO_CARD
    while not bench.slots[0].inserted:
        pass
    assert bench.power() == ATR
    bench.faults.add("remove back_after=0")
    bench.send()
    while not bench.slots[0].inserted:
        pass
    bench.faults.add("remove")
    bench.slots[0].eject()
    assert bench.send() is Fault.NO_CARD


@pytest.mark.parametrize(("fault", "executed"), [("mute", 0), ("mute executed=true", 1)])
def test_a_mute_card(fault: str, executed: int) -> None:
    card = CountingCard()
    bench = Bench(card)
    bench.faults.add(fault)
    assert bench.send() is Fault.FAILED
    assert bench.lines[0].events == [GIVEN_UP]
    assert card.commands == executed
    assert bench.send() == ECHOED


def test_a_late_answer(bench: Bench) -> None:
    bench.faults.add("late seconds=0.01")
    bench.faults.add("late seconds=7 keep_alive=false nth=2")
    assert bench.send() == ECHOED
    assert bench.lines[0].events == []
    assert bench.send() == ECHOED
    assert bench.lines[0].events == [("silence", 7.0)]


def test_a_removal_ends_a_late_answer(bench: Bench) -> None:
    slot = bench.slots[0]
    slot.gone.set()
    bench.faults.add("late seconds=3600")
    assert bench.send() is Fault.NO_CARD
    assert bench.lines[0].events == [GIVEN_UP]


def test_a_storm_of_keep_alives(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.faults.add("keep-alives count=7")
    assert bench.send() == ECHOED
    assert bench.lines[0].events == [("storm", 7)]
    bench.faults.add("keep-alives count=100")
    assert bench.send() == ECHOED
    assert "this line has no keep-alives" in caplog.text


# ---- power ---------------------------------------------------------------------------------------------------------------------


def test_a_wrong_answer_to_reset(bench: Bench) -> None:
    bench.faults.add("atr value=3B8001")
    bench.faults.add("atr value='' nth=3")
    assert bench.power() == bytes.fromhex("3B8001")
    assert bench.send() == ECHOED
    assert bench.ask(FrameType.RESET) == ATR
    assert bench.power() == b""
    assert bench.slots[0].card.history == ["off", "on", "on", "reset", "on"]


@pytest.mark.parametrize("kind", [FrameType.POWER_UP, FrameType.RESET])
def test_a_card_that_does_not_start_has_no_power(kind: FrameType, bench: Bench) -> None:
    bench.faults.add("power-up")
    assert bench.ask(kind) is Fault.FAILED
    assert not bench.slots[0].powered
    assert bench.slots[0].card.history[-1] == "off"
    assert bench.send() is Fault.NO_CARD
    assert bench.ask(kind) == ATR
    assert bench.send() == ECHOED


def test_by_hand_as_well(bench: Bench) -> None:
    bench.faults.add("power-up")
    with pytest.raises(LinkError, match="does not answer"):
        bench.slots[0].set_power(on=True)


# ---- inside, seen by a host ----------------------------------------------------------------------------------------------------


class SlotCard:
    """A card as a transport wants it, behind a reader."""

    protocol = "T1"

    def __init__(self, bench: Bench, profile: str) -> None:
        self._bench = bench
        self.profile_name = profile
        self.atr = b""

    def transmit(self, command: bytes) -> bytes:
        answer = self._bench.send(command)
        if isinstance(answer, Fault):
            raise TransportError(answer.name)
        return answer

    def power_on(self) -> bytes:
        answer = self._bench.power()
        assert isinstance(answer, bytes)
        self.atr = answer
        return answer

    def power_off(self) -> None:
        self._bench.ask(FrameType.POWER_DOWN)

    def reset(self) -> bytes:
        answer = self._bench.ask(FrameType.RESET)
        assert isinstance(answer, bytes)
        return answer


@pytest.fixture
def inner() -> Bench:
    return Bench(build_card("tr03109_2"))


@pytest.fixture
def module(inner: Bench) -> Iterator[SecurityModule]:
    """The module as delivered, with a session, behind a reader with faults."""
    with SecurityModule(LocalTransport(SlotCard(inner, "tr03109_2")), load_profile("tr03109_2")) as module:
        module.open_session(DELIVERED)
        yield module


def facts(bench: Bench) -> dict[str, Any]:
    found: dict[str, Any] = bench.slots[0].card.facts()
    return found


@pytest.mark.parametrize(
    "fault", ["flip at=0", "flip bits=1", "status sw=0x6982", "status sw=0x6400 keep_data=true", "length by=-1"]
)
def test_outside_of_secure_messaging_the_host_ends_the_session(fault: str, inner: Bench, module: SecurityModule) -> None:
    """The host trusts nothing that is not protected, and ends the session at both ends; the card itself has noticed nothing."""
    inner.faults.add(fault)
    with pytest.raises(SecureMessagingError):
        module.phase()
    assert not module.in_session
    with pytest.raises(SessionOverError):
        module.phase()
    assert facts(inner)["session"] is None
    module.open_session(DELIVERED)
    assert module.phase() == "I"


def test_a_wrong_status_inside_secure_messaging_leaves_the_session(inner: Bench, module: SecurityModule) -> None:
    inner.faults.add("status sw=0x6400 where=inside")
    with pytest.raises(CardFaultError, match="6400"):
        module.phase()
    assert module.in_session
    assert facts(inner)["session"] is not None
    assert module.phase() == "I"


def test_flipped_bits_inside_secure_messaging_are_not_noticed(inner: Bench, module: SecurityModule) -> None:
    right = module.read_file("EF.ATR")
    inner.faults.add("flip at=3 where=inside ins=read_binary")
    wrong = module.read_file("EF.ATR")
    assert wrong == bytes([right[0] ^ 0x10]) + right[1:]
    assert module.read_file("EF.ATR") == right
    assert all(entry["intact"] for entry in facts(inner)["files"])


def test_a_length_inside_secure_messaging(inner: Bench, module: SecurityModule) -> None:
    right = module.read_file("EF.ATR")
    inner.faults.add("length by=-3 where=inside ins=read_binary")
    assert module.read_file("EF.ATR") == right[:-3]
    assert module.in_session


def test_inside_a_plain_answer_is_the_same_as_on_the_wire() -> None:
    bench = Bench(build_card("open"))
    bench.faults.add("status sw=0x6400 where=inside")
    select = bytes.fromhex("00A4000C")
    assert bench.send(select) == b"\x64\x00"
    assert bench.send(select) == b"\x90\x00"


SELECT_MF = bytes.fromhex("00A4000C")
PHASE = bytes.fromhex("00CADF2100")
CHALLENGE = bytes.fromhex("0084000008")
FAULT = b"\x6f\x00"


def in_alarm(bench: Bench) -> None:
    """What B10 leaves of a card in alarm: selecting, reading what is open to all, the phase, the self-test; the rest is 6F00."""
    assert facts(bench)["alarm"] is not None
    assert facts(bench)["session"] is None
    assert bench.send(SELECT_MF) == b"\x90\x00"
    answer = bench.send(PHASE)
    assert isinstance(answer, bytes)
    assert answer.endswith(b"\x90\x00")
    assert bench.send(CHALLENGE) == FAULT


def test_an_alarm_of_the_random_generator_lasts_until_a_reset(inner: Bench, module: SecurityModule) -> None:
    inner.faults.add("rng-alarm")
    with pytest.raises(CardFaultError, match="6F00"):
        module.random(8)
    in_alarm(inner)
    inner.ask(FrameType.RESET)
    assert facts(inner)["alarm"] is None
    module.open_session(DELIVERED)
    assert len(module.random(8)) == 8


def test_an_alarm_for_good(inner: Bench) -> None:
    inner.faults.add("rng-alarm permanent=true")
    assert inner.send(CHALLENGE) == FAULT
    inner.power()
    in_alarm(inner)
    inner.faults.add("rng-alarm permanent=true")
    assert inner.send(CHALLENGE) == FAULT
    inner.power()
    in_alarm(inner)


def test_an_alarm_at_power_up(inner: Bench) -> None:
    inner.faults.add("rng-alarm on=power-up")
    inner.power()
    in_alarm(inner)
    inner.power()
    assert facts(inner)["alarm"] is None


def test_a_self_test_that_fails_at_power_up(inner: Bench) -> None:
    inner.faults.add("self-test on=power-up tests=AES,ECDSA")
    inner.power()
    in_alarm(inner)
    assert facts(inner)["alarm"] == "AES, ECDSA"
    inner.power()
    assert facts(inner)["alarm"] is None


def test_a_self_test_that_fails_when_it_is_asked_for(inner: Bench, module: SecurityModule) -> None:
    module.self_test()
    inner.faults.add("self-test")
    with pytest.raises(CardFaultError, match="6F00"):
        module.self_test()
    in_alarm(inner)


def test_a_self_test_of_one_card_does_not_fail_in_another() -> None:
    bench = Bench(build_card("tr03109_2"), build_card("tr03109_2"))
    bench.faults.add("self-test on=power-up reader=0")
    bench.power(0)
    bench.power(1)
    assert bench.slots[0].card.facts()["alarm"] is not None
    assert bench.slots[1].card.facts()["alarm"] is None


def test_a_damaged_file_is_told_and_found_at_power_up(inner: Bench) -> None:
    inner.faults.add("damage object=EF.ATR")
    assert inner.send(SELECT_MF) == b"\x90\x00"
    assert [entry["name"] for entry in facts(inner)["files"] if not entry["intact"]] == ["EF.ATR"]
    assert facts(inner)["alarm"] is None
    inner.power()
    assert facts(inner)["alarm"] == "EF.ATR"
    in_alarm(inner)


def test_a_fault_that_can_not_strike_says_so_and_does_nothing(
    bench: Bench, inner: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    for fault in ("rng-alarm", "damage object=EF.ATR", "self-test", "flip where=inside"):
        bench.faults.add(fault)
    assert bench.send() == ECHOED
    assert caplog.text.count("can not strike: the card is somebody else's") == 4
    inner.faults.add("damage object=EF.NONE")
    assert inner.send(SELECT_MF) == b"\x90\x00"
    assert "can not strike: the card has no" in caplog.text


def test_a_host_whose_card_falls_silent_gets_a_transport_error(inner: Bench, module: SecurityModule) -> None:
    inner.faults.add("mute")
    with pytest.raises(TransportError, match="FAILED"):
        module.phase()
    assert Place.FAULTS in inner.slots[0]._interposers


def test_every_kind_is_in_the_handbook() -> None:
    text = (Path(__file__).parents[2] / "docs/faults.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\|.*\|.*\|$", text.partition("## What")[2], re.MULTILINE)
    assert rows == list(KINDS)
