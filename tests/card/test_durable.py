# SPDX-License-Identifier: Apache-2.0
"""A card with a store: what is acknowledged is stored, what is not stored has not happened."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from secmod.card import Card
from secmod.emulator import build_card
from secmod.errors import (
    NoPowerError,
    PowerLostError,
    StorageFullError,
    StorageReadOnlyError,
    StoreError,
    StoreProfileError,
)
from secmod.profile import load_profile
from secmod.store import Store
from secmod.testing import PASSWORDS
from secmod.transport.local import LocalTransport
from tests.card.module import Module
from tests.card.talk import Terminal
from tests.scenarios.play import SCENARIOS, Scenario

TR = load_profile("tr03109_2")
GENERATE, SELECT = "0046808100", "00A4040C09F05452303331303932"


def image(card: Card) -> dict[str, Any]:
    """All of a card that outlives a loss of power."""
    state = card._state
    tree = state.tree
    return {
        "phase": state.security_status.phase,
        "mf": tree.mf.state,
        "clock": state.clock._proven,
        "files": {f"{file.directory.name}/{file.name}": (file._content.data, file.intact) for file in tree.files},
        "keys": {key.name: (key.summary(), key._content.made_in) for key in tree.private_keys.values() if not key.volatile},
        "public keys": {
            key.name: (key.summary(), key._content.certified) for key in tree.public_keys.values() if not key.volatile
        },
        "passwords": {
            entry.name: (entry.summary(), entry._content.secret and entry._content.secret.length)
            for entry in tree.passwords.values()
        },
    }


def stored(card: Card, place: Path) -> dict[str, Any]:
    """The same of a card that another process would find in a copy of the store's files."""
    assert card._store
    shutil.copytree(card._store.store.path, place)
    try:
        with Store.open(place, durability="fast") as store:
            other = build_card(card._profile, card.protocol, store=store.module(card._store.number))
            other.power_on()
            assert other._state.unreadable is None
            assert other._state.tree.lost() == []
            found = image(other)
            other.power_off()
            return found
    finally:
        shutil.rmtree(place)


class Watched(LocalTransport):
    """After each command the store has what the card has."""

    def __init__(self, card: Card, place: Path) -> None:
        super().__init__(card)
        self._card = card
        self._place = place
        self._last: tuple[Any, int] = ({}, 0)
        self.compared = 0

    def transmit(self, command: bytes) -> bytes:
        answer = super().transmit(command)
        assert self._card._store
        now = image(self._card), self._card._store.store.generation
        if now != self._last:
            assert stored(self._card, self._place) == now[0]
            self._last = now
            self.compared += 1
        return answer


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "store", durability="fast") as made:
        yield made


@pytest.fixture
def card(store: Store) -> Card:
    """A card in phase V, with power, and a store."""
    made = build_card(TR, store=store.module(0))
    made.prepare("V", {name: value.encode() for name, value in PASSWORDS.items()})
    made.power_on()
    return made


@pytest.fixture
def module(card: Card) -> Module:
    """A session with it."""
    return Module(card=card)


@pytest.mark.parametrize("name", SCENARIOS)
def test_after_each_command_the_store_has_what_the_card_has(name: str, store: Store, tmp_path: Path) -> None:
    scenario = Scenario(name)
    card = scenario.card(store=store.module(5))
    watched = Watched(card, tmp_path / "copy")
    scenario.play(watched)
    assert watched.compared > 1


def test_a_restart_shows_the_same_card(store: Store, card: Card, module: Module) -> None:
    assert module.say(GENERATE).endswith("9000")
    public = card._state.tree.private_key(0x81).summary()
    card.clock.prove(datetime(2026, 11, 23, tzinfo=UTC))  # outside of a command: nobody has asked to store it
    store.close()
    with Store.open(store.path) as again:
        other = build_card(TR, store=again.module(0))
        other.power_on()
        assert other._state.tree.private_key(0x81).summary() == public
        assert other.clock.now is None
        session = Module(card=other)
        assert session.say(GENERATE) == "6985"


def test_reading_costs_no_transaction(store: Store, module: Module) -> None:
    before = store.generation
    for command in ("0084000010", "00CADF2100", "00CADF2200", "0020000300", "0046C09100", "00B09C0000", "00E42091"):
        module.say(command)
    assert store.generation == before


@pytest.mark.parametrize("error", [StorageFullError, StorageReadOnlyError])
@pytest.mark.parametrize("step", ["begin", "write private_key/PrK.WAN.TLS.A", "commit"])
def test_what_can_not_be_stored_has_not_happened(
    store: Store, card: Card, module: Module, tmp_path: Path, step: str, error: type[Exception]
) -> None:
    before = image(card)
    store.observer = failing(step, error)
    assert module.say(GENERATE) == "6581"
    assert module.alive
    store.observer = None
    assert image(card) == before == stored(card, tmp_path / "copy")
    assert module.say(GENERATE).endswith("9000")


def failing(step: str, error: type[Exception]) -> Callable[[str], None]:
    def observe(reached: str) -> None:
        if reached == step:
            raise error(f"at {step}")

    return observe


def test_a_change_of_phase_that_can_not_be_stored(store: Store, tmp_path: Path) -> None:
    card = build_card(TR, store=store.module(0))
    card.prepare("G", {name: value.encode() for name, value in PASSWORDS.items()})
    card.power_on()
    module = Module(card=card)
    before = image(card), module.proofs
    store.observer = failing("write phase", StorageFullError)
    assert module.say("00DADF210103") == "6581"
    assert (image(card), module.proofs) == before
    store.observer = None
    assert module.say("00DADF210103") == "9000"
    assert stored(card, tmp_path / "copy")["phase"] == "V"


def test_an_end_that_can_not_be_stored(store: Store, card: Card, module: Module, tmp_path: Path) -> None:
    assert module.say(GENERATE).endswith("9000")
    assert module.say("0046C09100").endswith("9000")
    before = image(card)
    store.observer = failing("commit", StorageFullError)
    assert module.say("00FE0000") == "6581"
    assert image(card) == before
    assert module.say("0046819100").endswith("9000")  # the ephemeral key is still there, too
    assert module.alive
    store.observer = None
    assert module.say("00FE0000") == "9000"
    assert stored(card, tmp_path / "copy")["phase"] == "X"


def test_a_session_that_can_not_be_stored_is_none(store: Store, card: Card) -> None:
    terminal = Terminal(card)
    handshake = terminal.handshake()
    for step in (handshake.select, handshake.nonce, handshake.map, handshake.agree):
        assert step().sw == "9000"
    commits = []

    def observe(step: str) -> None:
        if step == "commit":
            commits.append(step)
            if len(commits) == 2:  # the first takes the try, the second gives it back
                raise StorageFullError("full")

    store.observer = observe
    assert handshake.token().sw == "6581"
    assert card._state.session is None
    assert card._state.tree.passwords[3].summary()[1] == 9
    store.observer = None
    assert terminal.pace().sw == "9000"
    assert card._state.tree.passwords[3].summary()[1] == 10


def test_a_try_is_stored_before_the_comparison(store: Store, card: Card, tmp_path: Path) -> None:
    terminal = Terminal(card)
    handshake = terminal.handshake("0987654321")
    for step in (handshake.select, handshake.nonce, handshake.map, handshake.agree):
        assert step().sw == "9000"
    seen: list[str] = []
    store.observer = seen.append
    assert handshake.token().sw == "63C9"
    assert seen == ["begin", "write tries/PIN.GW", "commit", "done"]
    store.observer = None
    assert stored(card, tmp_path / "copy")["passwords"]["PIN.GW"][0][1] == 9


def test_no_try_where_none_can_be_stored(store: Store, card: Card) -> None:
    store.observer = failing("begin", StorageReadOnlyError)
    terminal = Terminal(card)
    assert terminal.pace("0987654321").sw == "6581"
    assert terminal.pace().sw == "6581"
    assert card._state.tree.passwords[3].summary()[1] == 10
    store.observer = None
    assert terminal.pace().sw == "9000"


@pytest.mark.parametrize("step", ["begin", "write private_key/PrK.WAN.TLS.A", "commit", "done"])
def test_power_that_goes_while_something_is_stored(store: Store, card: Card, module: Module, step: str) -> None:
    store.observer = failing(step, PowerLostError)
    with pytest.raises(PowerLostError):
        module.say(GENERATE)
    store.observer = None
    with pytest.raises(NoPowerError):
        card.transmit(bytes.fromhex("00A4000C"))
    card.power_on()
    assert (card._state.tree.private_key(0x81).summary()[1] is not None) is (step == "done")
    assert Module(card=card).say(GENERATE)[-4:] == ("6985" if step == "done" else "9000")


def test_a_card_with_a_store_takes_nothing_along(store: Store, card: Card, module: Module) -> None:
    assert module.say(GENERATE).endswith("9000")
    vault = card._state.vault
    card.power_off()
    assert vault.live == 0
    assert card.facts()["phase"]["letter"] == "V"
    card.power_on()
    assert card._state.tree.private_key(0x81).summary()[1] is not None


def test_snapshots_of_a_card(card: Card, module: Module) -> None:
    card.snapshot("empty")
    assert module.say(GENERATE).endswith("9000")
    card.restore("empty")
    card.power_on()
    fresh = Module(card=card)
    assert fresh.say(GENERATE).endswith("9000")
    with pytest.raises(StoreError, match="no store"):
        build_card("open").snapshot("x")


def test_after_a_restore_no_random_number_and_no_signature_repeats(card: Card, module: Module) -> None:
    assert module.say(GENERATE).endswith("9000")
    assert module.say("00442081") == "9000"
    card.snapshot("start")
    drawn, signatures, keys = set(), set(), set()
    for _ in range(20):
        card.restore("start")
        card.power_on()
        session = Module(card=card)
        drawn.add(session.say("0084000010"))
        keys.add(session.say("0046808300"))
        assert session.say("002241B606840181800100") == "9000"
        signatures.add(session.say("002A9E9A20" + "11" * 32 + "00")[:64])
    assert [len(drawn), len(signatures), len(keys)] == [20, 20, 20]


def test_damage(store: Store, card: Card, module: Module, caplog: pytest.LogCaptureFixture) -> None:
    assert module.say(GENERATE).endswith("9000")
    assert module.say("0046808300").endswith("9000")
    assert module.say(SELECT) == "9000"
    assert module.say("00D68B0003414243") == "9000"
    card.power_off()
    for name in ("private_key/PrK.WAN.TLS.A", "file/DF.SMGW/EF.GW.ID"):
        ((octets,),) = store.database.rows("SELECT content FROM records WHERE name = ?", (name,))
        store.database.rows("UPDATE records SET content = ? WHERE name = ?", (octets[:-1] + bytes([octets[-1] ^ 1]), name))
    card.power_on()
    assert "private_key/PrK.WAN.TLS.A is damaged: its bits have changed" in caplog.text
    session = Module(card=card)
    for command in ("0046818100", "0046C08100", "00442081"):
        assert session.say(command) == "6F00", command
    assert session.say("0046818300").endswith("9000")
    assert session.say(SELECT) == "9000"
    assert session.say("00B08B0000") == "6281"
    assert session.say("80F80000") == "6F00"
    assert session.alive
    assert session.say("00E42081") == "9000"
    assert session.say(GENERATE).endswith("9000")
    assert session.say("00D68B0003414243") == "9000"
    assert session.say("00B08B0000") == "4142439000"
    assert session.say("80F80000") == "9000"


@pytest.mark.parametrize("name", ["phase", "tries/PIN.GW", "password/PIN.GW"])
def test_damage_of_what_must_be_known(store: Store, card: Card, name: str) -> None:
    terminal = Terminal(card)
    assert terminal.pace("0987654321").sw == "63C9"
    card.power_off()
    store.database.rows("DELETE FROM records WHERE name = ?", (name,))
    card.power_on()
    assert Terminal(card).handshake().select().sw == "6F00"
    assert card.transmit(bytes.fromhex("00B09C0000"))[-2:] == b"\x90\x00"
    assert card.transmit(bytes.fromhex("00CADF2100")).hex() == ("6f00" if name == "phase" else "039000")


def test_damage_of_an_index(store: Store, card: Card) -> None:
    other = build_card(TR, store=store.module(1))
    card.power_off()
    store.database.rows("UPDATE modules SET content = zeroblob(10) WHERE number = 0")
    card.power_on()
    assert card.transmit(bytes.fromhex("0084000008")).hex() == "6f00"
    assert card.transmit(bytes.fromhex("00CADF2100")).hex() == "6f00"
    other.power_on()
    assert other.transmit(bytes.fromhex("00CADF2100")).hex() == "019000"


def test_another_profile(store: Store, card: Card) -> None:
    with pytest.raises(StoreProfileError, match="was made from profile tr03109_2"):
        build_card("open", store=store.module(0))
    with pytest.raises(StoreError, match="deterministic"):
        build_card(TR, store=store.module(0), deterministic_seed=b"x")
