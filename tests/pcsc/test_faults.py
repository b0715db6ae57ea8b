# SPDX-License-Identifier: Apache-2.0
"""What programs see of a card that misbehaves: through pcscd and our driver, and without."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secmod.reader.faults import Faults
from secmod.reader.latency import Chip, Figure, set_latency
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from tests.pcsc import client as c
from tests.pcsc.client import CClient
from tests.reader.cards import ATR, ReaderTestCard

READER = "secmod reader 0 00 00"
ECHO = bytes.fromhex("8010000002CAFE")
ECHOED = bytes.fromhex("02CAFE9000")
OTHER = bytes.fromhex("8010000001AA")
UNPOWERED_CARD = 0x80100067
MUTE = 0x200

StartPcscd = Callable[..., PrivatePcscd]
StartServer = Callable[..., Server]
StartClient = Callable[[PrivatePcscd], CClient]

pytestmark = pytest.mark.both


@pytest.fixture
def card() -> ReaderTestCard:
    return ReaderTestCard()


@pytest.fixture
def pcscd(start_pcscd: StartPcscd, kind: str) -> PrivatePcscd:
    return start_pcscd(deadline_ms=400) if kind == "pcscd" else start_pcscd()


@pytest.fixture
def server(pcscd: PrivatePcscd, start_server: StartServer, card: ReaderTestCard) -> Server:
    return start_server(pcscd, card)


@pytest.fixture
def faults(server: Server) -> Faults:
    return Faults(server)


def connected(client: CClient) -> CClient:
    assert client.connect(READER)[0] == c.OK
    return client


@pytest.mark.parametrize("fault", ["remove", "remove at=after", "remove byte=3"])
def test_a_card_that_is_dropped_is_a_removal(
    fault: str, server: Server, faults: Faults, client: CClient, card: ReaderTestCard
) -> None:
    connected(client)
    client.watch(READER)
    faults.add(fault)
    assert client.transmit(ECHO) == (c.NO_SMARTCARD, b"")
    client.wait_for(present=False)
    assert client.transmit(ECHO)[0] in {c.NO_SMARTCARD, c.REMOVED_CARD}  # the one until pcscd's event thread has seen it
    card.history.clear()
    server.insert(0)
    client.wait_for(present=True)
    assert client.reconnect(0) == c.OK
    assert client.transmit(ECHO) == (c.OK, ECHOED)
    assert card.history[:2] == ["off", "on"]


def test_a_card_that_comes_back_by_itself(server: Server, faults: Faults, client: CClient) -> None:
    connected(client)
    client.watch(READER)
    faults.add("remove back_after=0.05")
    assert client.transmit(ECHO)[0] == c.NO_SMARTCARD
    client.wait_for(present=True)
    assert client.reconnect(0) == c.OK
    assert client.transmit(ECHO) == (c.OK, ECHOED)


@pytest.mark.parametrize("fault", ["mute", "mute executed=true", "late seconds=2.5 keep_alive=false"])
def test_no_answer_in_time_leaves_the_program_its_card(
    fault: str, server: Server, faults: Faults, client: CClient, card: ReaderTestCard
) -> None:
    """What comes too late is never taken for the answer to something else."""
    connected(client)
    faults.add(fault)
    assert client.transmit(ECHO) == (c.NOT_TRANSACTED, b"")
    card.history.clear()
    while (answer := client.transmit(OTHER))[0] == c.NOT_TRANSACTED:  # a card that is late is not ready at once
        pass
    assert answer == (c.OK, bytes.fromhex("01AA9000"))
    assert card.history == []


def test_late_with_signs_of_life_is_only_late(server: Server, faults: Faults, client: CClient) -> None:
    connected(client)
    faults.add("late seconds=1.2")
    assert client.transmit(ECHO) == (c.OK, ECHOED)


def test_a_slow_chip_gives_signs_of_life_and_holds_nobody_else(
    start_pcscd: StartPcscd, start_server: StartServer, start_client: StartClient, kind: str
) -> None:
    """An answer that takes three times the driver's deadline; a program at another reader gets hundreds meanwhile."""
    pcscd = start_pcscd(readers=2, deadline_ms=400) if kind == "pcscd" else start_pcscd(readers=2)
    server = start_server(pcscd)
    set_latency(server, Chip("slow", {("select", None): Figure("constant", 1200.0, 0.0, "")}, 0.0))
    slow, other = start_client(pcscd), start_client(pcscd)
    assert slow.connect(READER)[0] == c.OK
    assert other.connect("secmod reader 1 01 00")[0] == c.OK
    slow.ask("transmit 00A4000C")
    for _ in range(200):
        assert other.transmit(ECHO) == (c.OK, ECHOED)
    assert slow.hear() == ["00000000", "9000"]
    set_latency(server, None)
    assert slow.transmit(ECHO) == (c.OK, ECHOED)


def test_a_removal_ends_a_late_answer(server: Server, faults: Faults, client: CClient) -> None:
    connected(client)
    client.watch(READER)
    faults.add("late seconds=3000")
    client.ask(f"transmit {ECHO.hex()}")
    while not faults.list()[0]["struck"]:
        pass
    server.eject(0)
    assert client.hear()[0] == f"{c.NO_SMARTCARD:08X}"
    server.insert(0)
    client.ask("wait 10000")
    while not client.hear_state().present:
        client.ask("wait 10000")
    assert client.reconnect(0) == c.OK
    assert client.transmit(ECHO) == (c.OK, ECHOED)


def test_a_storm_of_keep_alives_does_no_harm(server: Server, faults: Faults, client: CClient) -> None:
    connected(client)
    faults.add("keep-alives count=20000")
    assert client.transmit(ECHO) == (c.OK, ECHOED)
    assert client.transmit(OTHER) == (c.OK, bytes.fromhex("01AA9000"))


@pytest.mark.parametrize(
    ("fault", "answer"),
    [
        ("status sw=0x6F00", "6F00"),
        ("status sw=0x6F00 keep_data=true", "02CAFE6F00"),
        ("length by=2", "02CAFE00009000"),
        ("truncate to=3", "02CAFE"),
        ("flip at=0", "82CAFE9000"),
        ("oversize to=65548", "02CAFE" + "00" * 65543 + "9000"),
    ],
)
def test_wrong_answers_are_passed_on(fault: str, answer: str, server: Server, faults: Faults, client: CClient) -> None:
    connected(client)
    faults.add(fault)
    assert client.transmit(ECHO) == (c.OK, bytes.fromhex(answer))
    assert client.transmit(ECHO) == (c.OK, ECHOED)


@pytest.mark.parametrize("fault", ["truncate to=1", "truncate to=0", "oversize", "oversize to=150000"])
def test_what_is_no_answer_is_none(fault: str, kind: str, server: Server, faults: Faults, client: CClient) -> None:
    """pcscd's driver drops a card process that sends what no card can say: a removal, after which the card comes back."""
    connected(client)
    client.watch(READER)
    faults.add(fault)
    assert client.transmit(ECHO) == (c.NOT_TRANSACTED, b"")
    while (answer := client.transmit(ECHO))[0] != c.OK:
        assert kind == "pcscd"
        client.reconnect(0)
    assert answer == (c.OK, ECHOED)


def test_a_wrong_answer_to_reset_is_shown(server: Server, faults: Faults, client: CClient) -> None:
    connected(client)
    faults.add("atr value=3B8001")
    assert client.reconnect(1) == c.OK
    assert client.call("status")[3] == "3B8001"
    assert client.reconnect(1) == c.OK
    assert client.call("status")[3] == ATR.hex().upper()


def test_a_card_that_does_not_start_is_mute(server: Server, faults: Faults, client: CClient, card: ReaderTestCard) -> None:
    server.eject(0)
    faults.add("power-up times=2")
    if client.watch(READER).present:
        client.wait_for(present=False)
    server.insert(0)
    assert client.wait_for(present=True).flags & MUTE
    assert client.connect(READER)[0] == UNPOWERED_CARD
    assert card.history[-1] == "off"
    assert client.connect(READER)[0] == c.OK
    assert client.transmit(ECHO) == (c.OK, ECHOED)


@pytest.mark.parametrize("fault", ["atr value=''", "atr value=" + "3B" * 34])
def test_an_answer_to_reset_of_no_length_that_can_be(fault: str, server: Server, faults: Faults, client: CClient) -> None:
    """Mute without pcscd; pcscd's driver drops the card process, and has the card back after that."""
    server.eject(0)
    faults.add(f"{fault} times=2")
    server.insert(0)
    while client.connect(READER)[0] != c.OK:
        pass
    assert client.transmit(ECHO) == (c.OK, ECHOED)
    assert faults.list()[0]["struck"] == 2
