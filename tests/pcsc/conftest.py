# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from secmod.reader.direct import DirectServer
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from tests.pcsc.client import CClient
from tests.pcsc.direct import DirectService
from tests.reader.cards import ReaderTestCard

PATIENCE = 20.0  # s: for what takes milliseconds on an idle machine


@pytest.fixture(scope="session")
def client_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("client") / "client"
    source = Path(__file__).with_name("client.c")
    flags = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-I/usr/include/PCSC"]
    subprocess.run(["gcc", *flags, source, "-o", program, "-lpcsclite"], check=True)
    return program


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def kind(request: pytest.FixtureRequest) -> str:
    """`pcscd`, with our driver; tests marked `both` run with `direct` as well: our own server of pcscd's protocol."""
    return getattr(request, "param", "pcscd")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.get_closest_marker("both") is not None:
        if "kind" not in metafunc.fixturenames:
            metafunc.fixturenames.append("kind")
        metafunc.parametrize("kind", ["pcscd", "direct"], indirect=True)


@pytest.fixture
def start_pcscd(stack: ExitStack, kind: str) -> Callable[..., PrivatePcscd | DirectService]:
    """A private PC/SC daemon: starts with the given arguments, ends with the test."""
    if kind == "direct":
        return lambda **arguments: stack.enter_context(DirectService(**arguments))
    return lambda **arguments: stack.enter_context(PrivatePcscd(**arguments))


@pytest.fixture
def start_server(stack: ExitStack, client_program: Path) -> Callable[..., Server | DirectServer]:
    """A server for the daemon's readers with these cards (default: one test card each), which programs can see."""

    def start(pcscd: PrivatePcscd | DirectService, *cards: ReaderTestCard, **arguments: object) -> Server | DirectServer:
        hands = cards or [ReaderTestCard() for _ in pcscd.sockets]
        if isinstance(pcscd, DirectService):
            for number, card in enumerate(hands):
                pcscd.server.insert(number, card)
            return pcscd.server
        slots = [Slot(card, path) for card, path in zip(hands, pcscd.sockets, strict=True)]
        server = stack.enter_context(Server(slots, **arguments))
        server.wait_connected(PATIENCE)
        with CClient(client_program, pcscd.env) as client:
            for reader in client.readers():
                if not client.watch(reader).present:
                    client.wait_for(present=True)
        return server

    return start


@pytest.fixture
def start_client(stack: ExitStack, client_program: Path) -> Callable[[PrivatePcscd], CClient]:
    return lambda pcscd: stack.enter_context(CClient(client_program, pcscd.env))


@pytest.fixture
def pcscd(start_pcscd: Callable[..., PrivatePcscd | DirectService]) -> PrivatePcscd | DirectService:
    return start_pcscd()


@pytest.fixture
def client(pcscd: PrivatePcscd, start_client: Callable[[PrivatePcscd], CClient]) -> CClient:
    return start_client(pcscd)


@pytest.fixture(scope="session")
def socket_link(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this process looks for pcscd: libpcsclite reads the variable once, so it names a link that each test points anew."""
    link = tmp_path_factory.mktemp("here") / "pcscd.comm"
    os.environ["PCSCLITE_CSOCK_NAME"] = str(link)
    os.environ["PCSCLITE_NO_BLOCKING"] = "1"  # a violation of sharing is seen, and not tried again for ever
    return link


@pytest.fixture
def use_here(socket_link: Path) -> Callable[[PrivatePcscd], None]:
    """PC/SC calls made by this process go to the given daemon."""

    def use(pcscd: PrivatePcscd) -> None:
        socket_link.unlink(missing_ok=True)
        socket_link.symlink_to(pcscd.env["PCSCLITE_CSOCK_NAME"])

    return use


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder need pcscd."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.pcsc)
