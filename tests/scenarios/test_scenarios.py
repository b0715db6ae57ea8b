# SPDX-License-Identifier: Apache-2.0
"""Every scenario over every transport in this process; tests/pcsc plays them through pcscd."""

from __future__ import annotations

import pytest

from secmod.apdu import T0Mapper
from secmod.card import Card
from secmod.transport.local import LocalTransport
from tests.scenarios.play import SCENARIOS, Scenario


class OverT0(LocalTransport):
    """The card in this process through T=0."""

    def __init__(self, card: Card) -> None:
        super().__init__(card)
        self.protocol = "T0"
        self._mapper = T0Mapper(card.transmit)

    def transmit(self, command: bytes) -> bytes:
        return self._mapper(command)


@pytest.mark.parametrize("name", SCENARIOS)
def test_in_this_process(name: str) -> None:
    scenario = Scenario(name)
    scenario.play(LocalTransport(scenario.card()))


@pytest.mark.parametrize("name", SCENARIOS)
def test_over_t0(name: str) -> None:
    scenario = Scenario(name)
    scenario.play(OverT0(scenario.card("T0")))
