# SPDX-License-Identifier: Apache-2.0
"""How much of the core's signing rate is left at each station up to the PC/SC program?

A signature by APDU is PSO COMPUTE DIGITAL SIGNATURE, the key chosen once before; profile `open`, without secure messaging.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Final

import pytest

from bench.conftest import Effort
from bench.interleave import Block, Contender, in_python, sized
from bench.readers import SECMOD, start_readers, winscard
from bench.workers import Worker, program
from secmod.crypto import CURVES, Vault
from secmod.host import SecurityModule
from secmod.profile import load_profile
from secmod.transport import open_transport

CORE: Final = "core, from C"
STATIONS: Final[dict[str, dict[str, float]]] = {  # name → gates, on the rate
    CORE: {},
    "Python API": {"median": 0.9},
    "APDU, in process": {"median": 0.6},
    "APDU, through pcscd": {},
}
KEY: Final = "PrK.HAN.TLS.A"  # takes any curve


class Noted:
    """A card in this process, and the commands it got."""

    def __init__(self) -> None:
        self._card = open_transport("local:open")
        self.atr, self.protocol, self.name = self._card.atr, self._card.protocol, self._card.name
        self.reset, self.close = self._card.reset, self._card.close
        self.commands: list[bytes] = []

    def transmit(self, command: bytes) -> bytes:
        """The response."""
        self.commands.append(command)
        return self._card.transmit(command)


def commands(curve: str) -> list[bytes]:
    """What the host library sends for a key pair and one signature; the last one signs."""
    noted = Noted()
    with SecurityModule(noted, load_profile("open")) as module:
        module.select()
        module.generate_key(KEY, curve, overwrite=True)
        module.sign(KEY, bytes(CURVES[curve].field_bytes))
    return noted.commands


def in_process(apdus: Sequence[bytes]) -> Block:
    transmit = open_transport("local:open").transmit
    for apdu in apdus:
        assert transmit(apdu).endswith(b"\x90\x00")
    return in_python(partial(transmit, apdus[-1]))


@pytest.mark.parametrize("station", STATIONS)
@pytest.mark.parametrize("curve", [name for name in CURVES if name.startswith("brainpool")])
def test_sign(curve: str, station: str, effort: Effort, report: Callable[..., None]) -> None:
    def contenders(stack: ExitStack) -> Sequence[Contender]:
        apdus = commands(curve)
        blocks: dict[str, Block] = {
            CORE: stack.enter_context(Worker(program("peers/core"), curve, "sign")).block,
            "Python API": in_python(partial(Vault().generate(CURVES[curve]).sign, bytes(CURVES[curve].field_bytes))),
            "APDU, in process": in_process(apdus),
            "APDU, through pcscd": winscard(stack, start_readers(stack), SECMOD, *apdus),
        }
        return [sized(name, block, effort.block_ns) for name, block in blocks.items()]

    report(f"signature, station by station · {curve}", station, contenders, peer=CORE, show="rate", gates=STATIONS[station])
