# SPDX-License-Identifier: Apache-2.0
"""What does the way of an APDU cost, station by station, against a reader driver that does nothing?

GET CHALLENGE of 8 bytes, sent again and again by one program.  The peer is the same program at the no-op reader of the same
pcscd; stations without a program of their own are compared to the C program there.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from smartcard import scard
from smartcard.CardConnection import CardConnection
from smartcard.System import readers

from bench.interleave import Block, Contender, in_python
from bench.readers import NOOP, NULL_C, NULL_PYTHON, SECMOD, start_emulator, winscard
from bench.workers import Worker
from secmod.emulator import build_card
from secmod.reader.driver import driver_path, socket_name

GROUP: Final = "APDU round trip"
COMMAND: Final = bytes.fromhex("0084000008")
SAMPLES: Final = 200
ROUNDS: Final = 3  # × the usual: blocks take 10 ms or less, and a p99 wants many samples

FLOOR_C: Final = "no-op handler, C program"
FLOOR_SCARD: Final = "no-op handler, pyscard scard"
FLOOR_CONNECTION: Final = "no-op handler, pyscard CardConnection"
GATES: Final = {"median": 3.2, "p99": 5.0}

# name → peer, gates; in the order of the table
STATIONS: Final[dict[str, tuple[str, dict[str, float]]]] = {
    "card, in process": (FLOOR_C, {}),
    "driver and socket, no pcscd": (FLOOR_C, {}),
    FLOOR_C: (FLOOR_C, {}),
    "our driver, C process answers 9000": (FLOOR_C, {}),
    "our driver, Python process answers 9000": (FLOOR_C, {}),
    "secmod serve, C program": (FLOOR_C, GATES),
    FLOOR_SCARD: (FLOOR_SCARD, {}),
    "secmod serve, pyscard scard": (FLOOR_SCARD, {}),
    FLOOR_CONNECTION: (FLOOR_CONNECTION, {}),
    "secmod serve, pyscard CardConnection": (FLOOR_CONNECTION, {}),
}


def in_process() -> Block:
    card = build_card("open")
    card.power_on()
    return in_python(lambda: card.transmit(COMMAND))


def over_socket(stack: ExitStack) -> Block:
    """The driver called directly, with `secmod serve` at the other end of its socket."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="secmod-bench-")))
    start_emulator(stack, directory)
    device = f"unix:{directory / socket_name(0)}"
    return stack.enter_context(Worker("handler_client", str(driver_path()), device, COMMAND.hex())).block


def with_scard(stack: ExitStack, reader: str) -> Block:
    """pyscard's own layer over the C functions."""
    code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    assert code == scard.SCARD_S_SUCCESS
    stack.callback(scard.SCardReleaseContext, context)
    code, names = scard.SCardListReaders(context, [])
    name = next(name for name in names if name.startswith(reader))
    code, card, _ = scard.SCardConnect(context, name, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T1)
    assert code == scard.SCARD_S_SUCCESS, scard.SCardGetErrorMessage(code)
    stack.callback(scard.SCardDisconnect, card, scard.SCARD_LEAVE_CARD)
    command = list(COMMAND)
    code, response = scard.SCardTransmit(card, scard.SCARD_PCI_T1, command)
    assert (code, response[-2:]) == (scard.SCARD_S_SUCCESS, [0x90, 0x00])
    return in_python(lambda: scard.SCardTransmit(card, scard.SCARD_PCI_T1, command))


def with_connection(stack: ExitStack, reader: str) -> Block:
    """What most Python programs use."""
    connection = next(item for item in readers() if item.name.startswith(reader)).createConnection()
    connection.connect(CardConnection.T1_protocol)
    stack.callback(connection.disconnect)
    command = list(COMMAND)
    assert connection.transmit(command)[1:] == (0x90, 0x00)
    return in_python(lambda: connection.transmit(command))


@pytest.fixture(scope="module")
def contenders(_readers: None) -> Any:
    with ExitStack() as stack:

        def start() -> Sequence[Contender]:
            c_program: Callable[[str], Block] = lambda reader: winscard(stack, reader, COMMAND.hex()).block  # noqa: E731
            blocks = {
                "card, in process": in_process(),
                "driver and socket, no pcscd": over_socket(stack),
                "our driver, C process answers 9000": c_program(NULL_C),
                "our driver, Python process answers 9000": c_program(NULL_PYTHON),
                FLOOR_C: c_program(NOOP),
                "secmod serve, C program": c_program(SECMOD),
                FLOOR_SCARD: with_scard(stack, NOOP),
                "secmod serve, pyscard scard": with_scard(stack, SECMOD),
                FLOOR_CONNECTION: with_connection(stack, NOOP),
                "secmod serve, pyscard CardConnection": with_connection(stack, SECMOD),
            }
            return [Contender(name, block, SAMPLES) for name, block in blocks.items()]

        yield start


@pytest.mark.parametrize("station", STATIONS)
def test_round_trip(station: str, contenders: Callable[[], Sequence[Contender]], report: Callable[..., None]) -> None:
    peer, gates = STATIONS[station]
    report(GROUP, station, contenders, peer=peer, show="time", gates=gates, rounds=ROUNDS)
