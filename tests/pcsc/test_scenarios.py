# SPDX-License-Identifier: Apache-2.0
"""Every scenario through a pcscd, over both protocols."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from secmod.transport import open_transport
from tests.scenarios.play import SCENARIOS, Scenario


@pytest.mark.parametrize("protocol", ["T1", "T0"])
@pytest.mark.parametrize("name", SCENARIOS)
def test_through_pcscd(
    name: str,
    protocol: str,
    pcscd: PrivatePcscd,
    start_server: Callable[..., Server],
    use_here: Callable[[PrivatePcscd], None],
) -> None:
    scenario = Scenario(name)
    use_here(pcscd)
    start_server(pcscd, scenario.card(protocol))
    transport = open_transport("pcsc:")
    assert transport.protocol == protocol
    scenario.play(transport)
