# SPDX-License-Identifier: Apache-2.0
"""vpcd with others: our card in Debian's vpcd, and a third party's card process (vicc) in our readers."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from secmod.emulator import build_card
from secmod.errors import LinkError
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from secmod.reader.vpcd import HOST, NoCard, VpcdListener, VpcdServer
from tests.pcsc import client as c
from tests.pcsc.client import CClient
from tests.pcsc.direct import DirectService
from tests.reader.cards import ATR, ReaderTestCard

VPCD = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
VICC = Path("/usr/bin/vicc")
VICC_MODULES = "/usr/lib/python3/site-packages/virtualsmartcard"  # where Debian's package has them, and does not look
READER = "secmod reader 0 00 00"
VPCD_READER = "Virtual PCD 00 00"

StartClient = Callable[[PrivatePcscd], CClient]


class VpcdConf:
    """What a reader.conf says for vpcd: it listens on this port and the next one."""

    def __init__(self, port: int) -> None:
        self.port = port

    def text(self, driver: Path) -> str:
        return f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x{self.port:X}\nLIBPATH {driver}\nCHANNELID 0x{self.port:X}\n'


def two_free_ports() -> int:
    while True:
        with socket.create_server((HOST, 0)) as first, socket.socket() as second:
            port: int = first.getsockname()[1]
            try:
                second.bind((HOST, port + 1))
            except OSError:
                continue
            return port


@pytest.fixture
def debian_vpcd(start_pcscd: Callable[..., PrivatePcscd]) -> Iterator[tuple[PrivatePcscd, int]]:
    if not VPCD.exists():
        pytest.skip("vsmartcard-vpcd is not installed: apt-get install vsmartcard-vpcd")
    port = two_free_ports()
    pcscd = PrivatePcscd(driver=VPCD)
    pcscd._conf = VpcdConf(port)  # type: ignore[assignment]
    with pcscd:
        yield pcscd, port


def test_our_card_in_debians_vpcd(debian_vpcd: tuple[PrivatePcscd, int], start_client: StartClient) -> None:
    pcscd, port = debian_vpcd
    card = ReaderTestCard()
    with VpcdServer([Slot(card, "reader0"), Slot(ReaderTestCard(), "reader1")], HOST, port) as server:
        server.wait_connected(20)
        client = start_client(pcscd)
        assert client.readers() == [VPCD_READER, "Virtual PCD 00 01"]
        if not client.watch(VPCD_READER).present:
            client.wait_for(present=True)
        assert client.connect(VPCD_READER) == (c.OK, c.T1)
        assert client.call("status")[3] == ATR.hex().upper()
        for length in (1, 255, 256, 4096, 65000):
            data = bytes(i % 251 for i in range(length))
            assert client.transmit(bytes.fromhex("80100000") + data) == (c.OK, data + b"\x90\x00")
        assert client.reconnect(1) == c.OK
        assert "reset" in card.history
        server.eject(0)
        client.watch(VPCD_READER)
        client.wait_for(present=False)
        server.insert(0)
        client.wait_for(present=True)
        assert client.reconnect(0) == c.OK
        assert client.transmit(bytes.fromhex("00840000")) == (c.OK, b"\x90\x00")


def test_an_apdu_does_not_wait_for_an_acknowledgement(debian_vpcd: tuple[PrivatePcscd, int], start_client: StartClient) -> None:
    """Debian's vpcd writes length and bytes apart, and a second write waits 40 ms for whoever does not acknowledge at once.

    Four thousand commands would take three minutes, and pytest ends a test after two.
    """
    pcscd, port = debian_vpcd
    with VpcdServer([Slot(ReaderTestCard(), "reader0")], HOST, port) as server:
        server.wait_connected(20)
        client = start_client(pcscd)
        if not client.watch(VPCD_READER).present:
            client.wait_for(present=True)
        assert client.connect(VPCD_READER)[0] == c.OK
        rv, *_ = client.call("measure 4000 00840000")
        assert int(rv, 16) == c.OK


@pytest.fixture
def start_vicc(stack: ExitStack) -> Callable[[int], subprocess.Popen[str]]:
    if not VICC.exists() or importlib.util.find_spec("Crypto") is None:
        pytest.skip("vicc is not installed: apt-get install vsmartcard-vpicc, pip install pycryptodome")

    def start(port: int) -> subprocess.Popen[str]:
        command = [sys.executable, VICC, "--hostname", HOST, "--port", str(port)]
        env = {**os.environ, "PYTHONPATH": VICC_MODULES, "PYTHONWARNINGS": "ignore"}
        process = stack.enter_context(
            subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        stack.callback(process.kill)
        return process

    return start


@pytest.mark.both
def test_a_third_partys_card_in_our_reader(
    kind: str, stack: ExitStack, client_program: Path, start_vicc: Callable[[int], subprocess.Popen[str]]
) -> None:
    if kind == "direct":
        service = stack.enter_context(DirectService())
        server = service.server
    else:
        service = stack.enter_context(PrivatePcscd())
        server = stack.enter_context(Server([Slot(NoCard(), service.sockets[0], inserted=False)]))
        server.wait_connected(20)
    listener = stack.enter_context(VpcdListener(0, partial(server.insert, 0), partial(server.eject, 0)))
    client = stack.enter_context(CClient(client_program, service.env))
    assert not client.watch(READER).present
    for _ in range(2):
        vicc = start_vicc(listener.port)
        client.wait_for(present=True)
        assert client.connect(READER)[0] == c.OK
        assert client.transmit(bytes.fromhex("00A4000C023F00")) == (c.OK, b"\x90\x00")
        rv, challenge = client.transmit(bytes.fromhex("0084000008"))
        assert (rv, len(challenge), challenge[-2:]) == (c.OK, 10, b"\x90\x00")
        assert client.transmit(bytes.fromhex("00B0000000")) == (c.OK, bytes.fromhex("6986"))
        vicc.kill()
        client.wait_for(present=False)
        assert client.transmit(bytes.fromhex("0084000008"))[0] == c.REMOVED_CARD
        client.disconnect()


def test_our_module_through_both_ends(stack: ExitStack, client_program: Path) -> None:
    """secmod's card by its own vpcd connection in secmod's own reader."""
    service = stack.enter_context(DirectService())
    listener = stack.enter_context(VpcdListener(0, partial(service.server.insert, 0), partial(service.server.eject, 0)))
    client = stack.enter_context(CClient(client_program, service.env))
    client.watch(READER)
    stack.enter_context(VpcdServer([Slot(build_card("open"), "reader0")], HOST, listener.port))
    client.wait_for(present=True)
    assert client.connect(READER)[0] == c.OK
    rv, challenge = client.transmit(bytes.fromhex("0084000008"))
    assert (rv, len(challenge)) == (c.OK, 10)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server((HOST, 0)) as taken, pytest.raises(LinkError, match="choose another port"):
        VpcdListener(taken.getsockname()[1], lambda _card: None, lambda: None)
