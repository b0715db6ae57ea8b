# SPDX-License-Identifier: Apache-2.0
"""Faults while a card stores what has changed: what the host gets, and what the card and its store have afterwards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from secmod import SecurityModule
from secmod.emulator import build_card
from secmod.errors import CardFaultError, TransportError
from secmod.profile import load_profile
from secmod.reader.control import Control
from secmod.reader.direct import DirectServer
from secmod.reader.frame import Fault, FrameType
from secmod.reader.slot import Slot
from secmod.store import Store
from secmod.transport.local import LocalTransport
from tests.reader.test_faults import Bench, SlotCard, facts

OLD, NEW = "0000000000", "4711081500"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store", durability="fast") as made:
        yield made


@pytest.fixture
def bench(store: Store) -> Bench:
    return Bench(build_card("tr03109_2", store=store.module(0)), build_card("tr03109_2", store=store.module(1)))


def connect(bench: Bench) -> SecurityModule:
    return SecurityModule(LocalTransport(SlotCard(bench, "tr03109_2")), load_profile("tr03109_2"))


@pytest.fixture
def module(bench: Bench) -> Iterator[SecurityModule]:
    with connect(bench) as module:
        module.open_session(OLD)
        yield module


def password(bench: Bench) -> str:
    """The one that the card takes after it was switched off and on."""
    bench.ask(FrameType.POWER_DOWN)
    with connect(bench) as module:
        for value in (OLD, NEW):
            try:
                module.open_session(value)
            except Exception:  # noqa: BLE001, S112 - the other one then
                continue
            return value
    raise AssertionError("neither the old nor the new one")


@pytest.mark.parametrize("fault", ["storage-full", "storage-full at=commit", "storage-full at=1", "storage-read-only"])
def test_a_medium_that_refuses_leaves_everything_as_it_was(
    fault: str, store: Store, bench: Bench, module: SecurityModule, caplog: pytest.LogCaptureFixture
) -> None:
    before = store.generation
    bench.faults.add(f"{fault} ins=change_reference_data")
    with pytest.raises(CardFaultError, match="6581"):
        module.change_password(NEW)
    assert module.in_session
    assert store.generation == before
    assert "fault 1 at command" in caplog.text
    assert store.observer is None
    assert password(bench) == OLD


@pytest.mark.parametrize(
    ("at", "left"), [("begin", OLD), ("write", OLD), ("commit", OLD), ("1", OLD), ("2", OLD), ("3", OLD), ("done", NEW)]
)
def test_power_lost_between_two_steps_leaves_old_or_new(at: str, left: str, bench: Bench, module: SecurityModule) -> None:
    bench.faults.add(f"power-loss at={at} ins=change_reference_data")
    with pytest.raises(TransportError, match="FAILED"):
        module.change_password(NEW)
    assert not bench.slots[0].powered
    assert bench.send(bytes.fromhex("00A4000C")) is Fault.NO_CARD
    assert isinstance(bench.ask(FrameType.RESET), bytes)
    assert bench.slots[0].powered
    assert facts(bench)["alarm"] is None
    assert password(bench) == left


def test_a_counter_is_stored_before_the_comparison(bench: Bench) -> None:
    """The power goes after the counter was stored, so the try is gone, whether the password was right or wrong."""

    def tries() -> int:
        return next(int(entry["tries_left"]) for entry in facts(bench)["passwords"] if entry["name"] == "PIN.GW")

    before = tries()
    bench.faults.add("power-loss at=done ins=general_authenticate nth=4")
    with connect(bench) as module, pytest.raises(TransportError):
        module.open_session(OLD)
    bench.power()
    assert tries() == before - 1
    assert password(bench) == OLD
    assert tries() == before


def test_readers_that_share_a_store_fail_apart(store: Store, bench: Bench) -> None:
    first, second = (slot.card.inside() for slot in bench.slots)
    with first.failing_store("begin", RuntimeError):
        with second.failing_store("commit", RuntimeError):
            assert len(store.observer) == 2
        assert len(store.observer) == 1
    assert store.observer is None


def test_without_a_store_these_can_not_strike(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(build_card("open"))
    for fault in ("power-loss", "storage-full", "storage-read-only"):
        bench.faults.add(fault)
    assert bench.send(bytes.fromhex("00A4000C")) == b"\x90\x00"
    assert caplog.text.count("can not strike: this card has no store") == 3


@pytest.mark.parametrize("name", ["PrK.WAN.SIG.A", "PIN.GW"])
def test_a_damaged_key_or_password_harms_nobody_else(name: str, bench: Bench, module: SecurityModule) -> None:
    module.change_password(NEW)
    module.open_session(NEW)
    module.set_phase("V")
    for key in ("PrK.WAN.SIG.A", "PrK.WAN.TLS.A"):
        module.generate_key(key)
        module.activate_key(key)
    bench.faults.add(f"damage object={name}")
    module.sign("PrK.WAN.TLS.A", bytes(32))
    if name == "PIN.GW":
        module.close_session()
        with pytest.raises(CardFaultError, match="6F00"):
            module.open_session(NEW)
    else:
        with pytest.raises(CardFaultError, match="6F00"):
            module.sign(name, bytes(32))
        module.sign("PrK.WAN.TLS.A", bytes(32))
    assert facts(bench)["alarm"] is None
    bench.power()


def test_a_snapshot_is_brought_back_over_the_control_channel(store: Store, tmp_path: Path) -> None:
    slot = Slot(build_card("tr03109_2", store=store.module(2)), tmp_path / "reader0.sock")
    with DirectServer([slot], tmp_path / "s") as server:
        control = Control(server)

        def tell(**request: Any) -> dict[str, Any]:
            answer: dict[str, Any] = json.loads(control.answer(json.dumps(request).encode()))
            return answer

        assert tell(do="snapshot", name="new")["ok"]
        bench = Bench.__new__(Bench)
        bench.slots = [slot]
        with connect(bench) as module:
            module.open_session(OLD)
            module.change_password(NEW)
            answer = tell(do="restore", name="new")
            assert (answer["ok"], answer["powered"]) == (True, True)
        assert password(bench) == OLD
        slot.answer(bytes([FrameType.POWER_DOWN]) + bytes(7))
        assert tell(do="restore", name="new")["powered"] is False
        assert tell(do="restore", name="old")["ok"] is False
    assert (
        "has no store"
        in json.loads(
            Control(DirectServer([Slot(build_card("open"), "r")], tmp_path / "t")).answer(b'{"do": "snapshot", "name": "x"}')
        )["error"]
    )
