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
from typing import Final

import pytest

from bench.interleave import Block, Contender, in_python
from bench.readers import NOOP, NULL_C, NULL_PYTHON, SECMOD, pyscard, start_direct, start_emulator, start_readers, winscard
from bench.workers import Worker, program
from secmod.emulator import build_card
from secmod.reader.driver import driver_path, socket_name

GROUP: Final = "APDU round trip"
COMMAND: Final = bytes.fromhex("0084000008")
SAMPLES: Final = 200
STARTS: Final = 5  # of pcscd and everything: two of them may differ by a tenth

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
    "secmod serve --direct, C program": (FLOOR_C, {}),
    FLOOR_SCARD: (FLOOR_SCARD, {}),
    "secmod serve, pyscard scard": (FLOOR_SCARD, {}),
    FLOOR_CONNECTION: (FLOOR_CONNECTION, {}),
    "secmod serve, pyscard CardConnection": (FLOOR_CONNECTION, {}),
    "secmod serve --direct, pyscard CardConnection": (FLOOR_CONNECTION, {}),
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
    return stack.enter_context(Worker(program("handler_client"), driver_path(), device, COMMAND.hex())).block


def contenders(stack: ExitStack) -> Sequence[Contender]:
    env = start_readers(stack)
    direct = start_direct(stack)
    blocks = {
        "card, in process": in_process(),
        "driver and socket, no pcscd": over_socket(stack),
        "our driver, C process answers 9000": winscard(stack, env, NULL_C, COMMAND),
        "our driver, Python process answers 9000": winscard(stack, env, NULL_PYTHON, COMMAND),
        FLOOR_C: winscard(stack, env, NOOP, COMMAND),
        "secmod serve, C program": winscard(stack, env, SECMOD, COMMAND),
        "secmod serve --direct, C program": winscard(stack, direct, SECMOD, COMMAND),
        FLOOR_SCARD: pyscard(stack, env, "scard", NOOP, COMMAND),
        "secmod serve, pyscard scard": pyscard(stack, env, "scard", SECMOD, COMMAND),
        FLOOR_CONNECTION: pyscard(stack, env, "connection", NOOP, COMMAND),
        "secmod serve, pyscard CardConnection": pyscard(stack, env, "connection", SECMOD, COMMAND),
        "secmod serve --direct, pyscard CardConnection": pyscard(stack, direct, "connection", SECMOD, COMMAND),
    }
    return [Contender(name, block, SAMPLES) for name, block in blocks.items()]


@pytest.mark.parametrize("station", STATIONS)
def test_round_trip(station: str, report: Callable[..., None]) -> None:
    peer, gates = STATIONS[station]
    report(GROUP, station, contenders, peer=peer, show="time", gates=gates, starts=STARTS)
