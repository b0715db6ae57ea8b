# SPDX-License-Identifier: Apache-2.0
"""Insertion, removal, and the ends of either process."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from tests.pcsc import client as c
from tests.pcsc.client import CClient
from tests.reader.cards import ATR, ReaderTestCard

READER = "secmod reader 0 00 00"
ROOT = Path(__file__).parents[2]
COMMAND = bytes.fromhex("00840000")

StartPcscd = Callable[..., PrivatePcscd]
StartServer = Callable[..., Server]
StartClient = Callable[[PrivatePcscd], CClient]


@pytest.fixture
def start_card_process(stack: ExitStack, pcscd: PrivatePcscd) -> Callable[[], subprocess.Popen[str]]:
    def start() -> subprocess.Popen[str]:
        arguments = [sys.executable, "-m", "tests.pcsc.card_process", str(pcscd.sockets[0])]
        process = stack.enter_context(
            subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        )
        stack.callback(process.kill)
        return process

    return start


@pytest.mark.both
def test_removal_and_insertion_reach_the_program(pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    server = start_server(pcscd)
    assert client.watch(READER).present
    assert client.connect(READER)[0] == c.OK
    server.eject(0)
    assert not client.wait_for(present=False).present
    assert client.transmit(COMMAND)[0] == c.REMOVED_CARD
    server.insert(0)
    client.wait_for(present=True)
    assert client.transmit(COMMAND)[0] == c.REMOVED_CARD
    assert client.reconnect(0) == c.OK
    assert client.transmit(COMMAND) == (c.OK, b"\x90\x00")


@pytest.mark.both
def test_another_card_comes_with_its_own_atr(pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    server = start_server(pcscd)
    client.watch(READER)
    server.eject(0)
    client.wait_for(present=False)
    other = ReaderTestCard(ATR[:-1] + b"\x77")
    server.insert(0, other)
    client.wait_for(present=True)
    assert client.connect(READER)[0] == c.OK
    assert client.call("status")[3] == other.atr.hex().upper()


@pytest.mark.parametrize("pairs", [100, pytest.param(5000, marks=pytest.mark.slow)])
@pytest.mark.both
def test_no_swap_of_a_storm_is_lost(pairs: int, pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    """As fast as they can be made: every removal and every insertion counts in the program's event counter."""
    card = ReaderTestCard()
    server = start_server(pcscd, card)
    before = client.watch(READER)
    client.ask("wait 20000")
    for _ in range(pairs):
        server.eject(0)
        server.insert(0)
    state = client.hear_state()
    while state.counter - before.counter < 2 * pairs:
        state = client.wait()
        assert state.rv == c.OK, state
    assert state.counter - before.counter == 2 * pairs
    assert state.present
    assert client.connect(READER)[0] == c.OK
    assert client.transmit(COMMAND) == (c.OK, b"\x90\x00")


@pytest.mark.both
def test_a_removal_ends_a_long_command(pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    card = ReaderTestCard()
    server = start_server(pcscd, card)
    client.watch(READER)
    client.connect(READER)
    client.ask("transmit 80140000")
    assert card.started.wait(20)
    server.eject(0)
    assert int(client.hear()[0], 16) in {c.NO_SMARTCARD, c.REMOVED_CARD}
    client.wait_for(present=False)
    card.finish.set()
    server.insert(0)
    client.wait_for(present=True)
    assert client.reconnect(0) == c.OK
    assert client.transmit(bytes.fromhex("8010000001AA")) == (c.OK, bytes.fromhex("01AA9000"))


def test_a_killed_card_process_is_a_removal_and_its_successor_an_insertion(
    client: CClient, start_card_process: Callable[[], subprocess.Popen[str]]
) -> None:
    client.watch(READER)
    for _ in range(3):
        process = start_card_process()
        client.wait_for(present=True)
        assert client.connect(READER)[0] == c.OK
        assert client.transmit(COMMAND) == (c.OK, b"\x90\x00")
        process.kill()
        client.wait_for(present=False)
        assert client.transmit(COMMAND)[0] == c.REMOVED_CARD
        assert client.disconnect() in {c.OK, c.REMOVED_CARD}


def test_a_card_process_killed_at_work_ends_the_command(
    client: CClient, start_card_process: Callable[[], subprocess.Popen[str]]
) -> None:
    process = start_card_process()
    client.watch(READER)
    client.wait_for(present=True)
    client.connect(READER)
    client.ask("transmit 80140000")
    process.kill()
    assert int(client.hear()[0], 16) in {c.NOT_TRANSACTED, c.REMOVED_CARD}
    client.wait_for(present=False)


def test_a_second_card_process_ends_with_a_sentence_and_the_first_one_stays(
    client: CClient, pcscd: PrivatePcscd, start_card_process: Callable[[], subprocess.Popen[str]]
) -> None:
    first = start_card_process()
    client.watch(READER)
    client.wait_for(present=True)
    client.connect(READER)
    second = start_card_process()
    _, sentence = second.communicate(timeout=20)
    assert second.returncode != 0
    assert f"process {first.pid} serves the reader on {pcscd.sockets[0]} already; stop it or choose another socket" in sentence
    assert client.transmit(COMMAND) == (c.OK, b"\x90\x00")


def test_pcscd_restarts_under_a_running_card_process(
    pcscd: PrivatePcscd, start_server: StartServer, start_client: StartClient
) -> None:
    card = ReaderTestCard()
    server = start_server(pcscd, card)
    for how in (signal.SIGTERM, signal.SIGKILL):
        pcscd.stop(how)
        assert pcscd.sockets[0].is_socket()  # left behind: SIGTERM closes no channel
        pcscd.start()
        server.wait_connected(20)
        client = start_client(pcscd)
        client.watch(READER)
        if not client.state("watch " + READER).present:
            client.wait_for(present=True)
        assert client.connect(READER)[0] == c.OK
        assert client.transmit(COMMAND) == (c.OK, b"\x90\x00")


def test_an_orderly_end_removes_the_socket(pcscd: PrivatePcscd) -> None:
    assert pcscd.sockets[0].is_socket()
    assert pcscd.sockets[0].stat().st_mode & 0o777 == 0o600
    pcscd.stop(signal.SIGINT)
    assert not pcscd.sockets[0].exists()


def test_a_killed_run_leaves_nothing_behind() -> None:
    script = (
        "from secmod.reader.pcscd import PrivatePcscd; import sys\n"
        "p = PrivatePcscd().start(); print(p.pid, p.directory, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        pid, _, directory = run.stdout.readline().strip().partition(" ")
        daemon = os.pidfd_open(int(pid))
        assert Path(directory).is_dir()
        run.kill()
        assert run.stdout.read() == ""  # ends when nobody is left who could write
    assert select.select([daemon], [], [], 20)[0]  # readable: the daemon has ended
    os.close(daemon)
    assert not Path(directory).exists()
