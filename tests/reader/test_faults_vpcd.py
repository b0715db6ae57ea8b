# SPDX-License-Identifier: Apache-2.0
"""What somebody's vpcd sees of a card of ours that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from secmod.reader.faults import Faults
from secmod.reader.slot import Slot
from secmod.reader.vpcd import HOST, VpcdServer
from tests.reader.cards import ATR, ReaderTestCard
from tests.reader.test_vpcd import ECHO, Peer, Vpcd

ECHOED = ECHO[4:] + b"\x90\x00"
PATIENCE = 20.0


@pytest.fixture
def vpcd() -> Iterator[Vpcd]:
    with Vpcd() as vpcd:
        yield vpcd


@pytest.fixture
def server(vpcd: Vpcd) -> Iterator[VpcdServer]:
    with VpcdServer([Slot(ReaderTestCard(), "reader0")], HOST, vpcd.port) as server:
        yield server


@pytest.fixture
def faults(server: VpcdServer) -> Faults:
    return Faults(server)


def powered(vpcd: Vpcd) -> Peer:
    peer = vpcd.accept()
    peer.sock.settimeout(PATIENCE)
    peer.send(b"\x01")
    assert peer.ask(b"\x04") == ATR
    return peer


def test_a_card_that_is_dropped_within_its_answer(vpcd: Vpcd, server: VpcdServer, faults: Faults) -> None:
    peer = powered(vpcd)
    faults.add("remove byte=3")
    peer.send(ECHO)
    got = b""
    while part := peer.sock.recv(100):
        got += part
    assert got[2:] == ECHOED[:3]
    assert int.from_bytes(got[:2]) > 3
    server.insert(0)
    assert powered(vpcd).ask(ECHO) == ECHOED


def test_a_mute_card_leaves_when_the_vpcd_gives_up(vpcd: Vpcd, faults: Faults) -> None:
    peer = powered(vpcd)
    faults.add("mute")
    peer.send(ECHO)
    while not faults.list()[0]["struck"]:
        pass
    peer.sock.sendall(b"\x00\x01\x00")
    with suppress(ConnectionResetError):
        assert peer.sock.recv(100) == b""
    assert powered(vpcd).ask(ECHO) == ECHOED


def test_late_without_signs_of_life_is_late(vpcd: Vpcd, faults: Faults, caplog: pytest.LogCaptureFixture) -> None:
    peer = powered(vpcd)
    faults.add("late seconds=0.05 keep_alive=false")
    faults.add("keep-alives count=3")
    assert peer.ask(ECHO) == ECHOED
    assert "this line has no keep-alives" in caplog.text


def test_a_wrong_answer_to_reset_is_what_the_vpcd_gets(vpcd: Vpcd, faults: Faults) -> None:
    peer = powered(vpcd)
    faults.add("atr value=3B8001")
    peer.send(b"\x02")
    assert peer.ask(b"\x04") == bytes.fromhex("3B8001")
    faults.add("power-up")
    peer.send(b"\x01")
    assert peer.ask(b"\x04") == b""
    assert peer.ask(ECHO) == bytes.fromhex("6F00")
    peer.send(b"\x00")
    assert peer.ask(b"\x04") == ATR
