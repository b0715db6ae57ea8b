# SPDX-License-Identifier: Apache-2.0
"""Chips as data, and cards that take their time.  No test looks at a clock: it looks at what was waited for."""

from __future__ import annotations

from random import Random
from statistics import median, stdev
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod import SecurityModule
from secmod.crypto import CURVES
from secmod.emulator import build_card
from secmod.errors import LatencyError
from secmod.profile import load_profile
from secmod.reader import latency
from secmod.reader.frame import Fault, Frame, FrameType
from secmod.reader.latency import ASSUMED, Chip, Figure, chip_names, load_chip, read_chip, set_latency
from secmod.reader.slot import Place, Slot
from secmod.transport.local import LocalTransport
from tests.reader.cards import ReaderTestCard
from tests.reader.test_faults import Bench, SlotCard

HEAD = 'name = "A chip"\n[sources]\nbook = "A book, page 7"\n'


def row(**values: object) -> str:
    return "[[figure]]\n" + "".join(f"{key} = {value!r}\n" for key, value in values.items())


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that moves only when somebody waits, and what was waited for (ms)."""
    now, times = [0.0], []

    def wait(self: latency.Latency, until: float) -> None:
        times.append(round((until - now[0]) * 1000, 3))

    monkeypatch.setattr(latency, "time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(latency.Latency, "_wait", wait)
    return times


def chip(**figures: float) -> Chip:
    return Chip("test", {(work, None): Figure("constant", ms, 0.0, ASSUMED) for work, ms in figures.items()}, 0.0)


def set_on(bench: Bench, what: Chip | None, seed: str = "") -> None:
    set_latency(SimpleNamespace(slots=bench.slots, line=bench.lines.__getitem__), what, seed)


# ---- chips ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", chip_names())
def test_every_chip_has_a_figure_for_each_work_and_curve(name: str) -> None:
    known = load_chip(name)
    for work in ("sign", "verify", "generate", "agree", "external_authenticate", "pace_map", "pace_key"):
        for curve in CURVES.values():
            figure = known.figure(work, curve.name, curve.bits)
            assert figure is not None
            assert figure is not known.figures["other", None]
    for work in ("power_up", "secure_messaging", "pace_nonce", "pace_token", "get_challenge", "other"):
        assert (work, None) in known.figures


@pytest.mark.parametrize("name", chip_names())
def test_what_is_measured_names_its_source(name: str) -> None:
    measured = [figure for figure in load_chip(name).figures.values() if figure.source != ASSUMED]
    assert len(measured) >= 4
    text = (latency.CHIPS / f"{name}.toml").read_text(encoding="utf-8")
    assert "https://" in text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "'name' is missing"),
        ("[", "no TOML"),
        ("x = " + "[" * 5000, "no TOML"),
        (HEAD + "more = 1", "must be text"),
        (HEAD + row(work="sign", median=1), "'source' is missing"),
        (HEAD + row(work="sign", median=1, source="hearsay"), "'hearsay' is not known"),
        (HEAD + row(work="sign", median=-1, source="book"), "outside"),
        (HEAD + row(work="sign", median=1, source="book", distribution="gauss"), "not known"),
        (HEAD + row(work="sign", median=1, source="book", curve="x", bits=256), "not both"),
        (HEAD + row(work="sign", median=1, source="book") * 2, "there is a figure for"),
        (HEAD + row(work="sign", median=1, source="book", mode=1), "'mode' is not known"),
        (HEAD + "[line]\nbytes_per_second = 9600\n", "'source' is missing"),
    ],
)
def test_what_is_wrong_with_a_chip_is_named(text: str, sentence: str) -> None:
    with pytest.raises(LatencyError) as caught:
        read_chip(text, "mine.toml")
    assert str(caught.value).startswith("mine.toml")
    assert sentence in str(caught.value)


@given(st.text(max_size=100))
def test_any_text_is_a_chip_or_an_error(text: str) -> None:
    for tried in (text, HEAD + text):
        try:
            read_chip(tried, "mine.toml")
        except LatencyError:
            continue


def test_a_chip_that_is_not_there() -> None:
    with pytest.raises(LatencyError, match="'jcop_j2e145g' \\(a typing error"):
        load_chip("jcop_j2e145")
    with pytest.raises(LatencyError, match="no chip"):
        load_chip("/nothing/here.toml")


def test_the_most_particular_figure_counts() -> None:
    text = HEAD + "".join(
        row(work=work, median=ms, source="book", **more)
        for work, ms, more in (
            ("sign", 1.0, {}),
            ("sign", 2.0, {"bits": 256}),
            ("sign", 3.0, {"curve": "brainpoolP256r1"}),
            ("other", 4.0, {}),
        )
    )
    known = read_chip(text, "mine.toml")

    def time(*key: Any) -> float:
        figure = known.figure(*key)
        assert figure is not None
        return figure.median

    assert time("sign", "brainpoolP256r1", 256) == 3.0
    assert time("sign", "secp256r1", 256) == 2.0
    assert time("sign", "secp384r1", 384) == 1.0
    assert time("verify", "secp256r1", 256) == 4.0
    assert Chip("", {}, 0.0).figure("sign") is None


@pytest.mark.parametrize("distribution", ["constant", "uniform", "normal", "lognormal"])
def test_distributions_have_their_median_and_spread(distribution: str) -> None:
    random = Random("seed")
    times = [Figure(distribution, 100.0, 10.0, "").draw(random) * 1000 for _ in range(4000)]
    assert median(times) == pytest.approx(100.0, abs=1.0)
    expected = {"constant": 0.0, "uniform": 10 / 3**0.5, "normal": 10.0, "lognormal": 9.6}[distribution]
    assert stdev(times) == pytest.approx(expected, abs=0.6)
    assert min(Figure(distribution, 0.0, 10.0, "").draw(random) for _ in range(100)) >= 0.0


# ---- cards ---------------------------------------------------------------------------------------------------------------------


def test_a_module_takes_its_time_by_work_and_curve(waited: list[float]) -> None:
    bench = Bench(build_card("tr03109_2"))
    figures = {("sign", 256): 100, ("generate", 256): 200, ("agree", 384): 300, ("pace_map", 256): 31, ("pace_key", 256): 32}
    times: dict[tuple[str, Any], float] = {**figures, ("pace_nonce", None): 30, ("pace_token", None): 33}
    times |= {("secure_messaging", None): 5, ("power_up", None): 50, ("other", None): 1, ("get_challenge", None): 8}
    set_on(bench, Chip("test", {key: Figure("constant", ms, 0.0, "") for key, ms in times.items()}, 0.0))
    with SecurityModule(LocalTransport(SlotCard(bench, "tr03109_2")), load_profile("tr03109_2")) as module:
        assert waited == [50]
        waited.clear()
        module.open_session("0000000000")
        assert waited[-5:] == [30, 31, 32, 33, 6]  # and a protected command
        waited.clear()
        module.random(8)
        assert len(waited) == 1
        assert waited[0] > 5
        module.change_password("4711081500")
        module.open_session("4711081500")
        module.set_phase("V")
        waited.clear()
        module.generate_key("PrK.WAN.SIG.A")
        assert max(waited) == 205
        module.activate_key("PrK.WAN.SIG.A")
        waited.clear()
        module.sign("PrK.WAN.SIG.A", bytes(32))
        assert max(waited) == 105


def test_verification_and_agreement(waited: list[float]) -> None:
    bench = Bench(build_card("open"))
    set_on(bench, chip(verify=7.0, agree=11.0, other=1.0, read_public_key=2.0, generate=3.0))
    with SecurityModule(LocalTransport(SlotCard(bench, "open")), load_profile("tr03109_2")) as module:
        module.select()
        key = module.generate_key("PrK.WAN.SIG.A")
        assert max(waited) == 3
        waited.clear()
        signature = module.sign("PrK.WAN.SIG.A", bytes(32))
        module.verify(key, bytes(32), signature)
        assert max(waited) == 7
        module.public_key("PrK.WAN.SIG.A")
        assert waited[-1] == 2
        ephemeral = module.generate_ephemeral()
        module.agree(ephemeral.name, key)
        assert waited[-1] == 11


def test_a_foreign_card_is_timed_by_its_instructions(waited: list[float]) -> None:
    bench = Bench(ReaderTestCard())
    set_on(bench, Chip("test", chip(select=9.0, other=1.0).figures, 0.001))
    bench.send(bytes.fromhex("00A4000C"))
    bench.send(bytes.fromhex("80100000"))
    assert waited == [9.0 + 6, 1.0 + 6]
    bench.power()
    assert len(waited) == 2


def test_times_are_the_same_with_the_same_seed(waited: list[float]) -> None:
    def run(seed: str) -> list[float]:
        waited.clear()
        bench = Bench(build_card("open"))
        set_on(bench, Chip("test", {("other", None): Figure("normal", 10.0, 2.0, "")}, 0.0), seed)
        for _ in range(8):
            bench.send(bytes.fromhex("00A4000C"))
        return waited[:]

    assert run("a") == run("a") != run("b")


def test_without_latency_the_command_goes_to_the_card_itself(waited: list[float]) -> None:
    card = build_card("open")
    bench = Bench(card)
    set_on(bench, chip(other=1.0))
    assert bench.slots[0]._transmit != card.transmit
    assert bench.slots[0].interposed(Place.LATENCY) is not None
    set_on(bench, chip(other=2.0))
    bench.send(bytes.fromhex("00A4000C"))
    set_on(bench, None)
    assert bench.slots[0]._transmit == card.transmit
    assert "_execute" not in vars(card)
    assert waited == [2.0]


def test_another_card_is_timed_as_well(waited: list[float]) -> None:
    first, second = build_card("open"), build_card("open")
    bench = Bench(first)
    set_on(bench, chip(sign=4.0, other=1.0))
    bench.slots[0].eject()
    bench.slots[0].insert(second)
    bench.power()
    bench.send(bytes.fromhex("00A4000C"))
    assert waited[-1] == 1.0
    assert "_execute" in vars(second)
    assert "_execute" not in vars(first)


def test_a_removal_ends_the_waiting() -> None:
    bench = Bench(ReaderTestCard())
    set_on(bench, chip(other=3_600_000.0))
    bench.slots[0].gone.set()
    assert bench.send() is Fault.NO_CARD
    assert bench.lines[0].events == [("silence", None)]


def test_faults_stand_between_the_chip_and_the_reader(waited: list[float]) -> None:
    bench = Bench(ReaderTestCard())
    bench.faults.add("mute")
    set_on(bench, chip(other=5.0))
    assert bench.send() is Fault.FAILED
    assert waited == []
    bench.send()
    assert waited == [5.0]


def test_a_powered_slot_is_bound_anew() -> None:
    slot = Slot(ReaderTestCard(), "/nowhere/reader0.sock")
    slot.interpose(Place.LATENCY, None)
    slot.answer(Frame(FrameType.POWER_UP, 1).encode())
    before = slot._transmit
    slot.interpose(Place.LATENCY, None)
    assert slot._transmit == before
