# SPDX-License-Identifier: Apache-2.0
"""The tests' own terminal against the traces: what it sends, and which keys it gets."""

from __future__ import annotations

from typing import Any

import pytest

from tests.card.talk import SUITES, Terminal
from tests.crypto.vectors import load


class Trace:
    """Answers what a trace says, to the commands that it says."""

    def __init__(self, exchanges: list[dict[str, str]]) -> None:
        self.exchanges = iter(exchanges)

    def transmit(self, command: bytes) -> bytes:
        exchange = next(self.exchanges)
        assert command.hex().upper() == exchange["c"]
        return bytes.fromhex(exchange["r"])


@pytest.mark.parametrize("trace", load("derived_module.json")["pace_pin"], ids=lambda trace: trace["curve"])
def test_a_handshake(trace: dict[str, Any]) -> None:
    talk = Terminal(Trace(trace["apdus"]))
    suite = next(suite for suite in SUITES if 8 * suite.key_bytes == trace["aes_bits"])
    handshake = talk.handshake(trace["pin_ascii"], 3, suite)
    handshake.scalars = [int(trace["sk_map_ifd"], 16), int(trace["sk_ka_ifd"], 16)]
    assert [answer.sw for answer in handshake.run()] == ["9000"] * 5
    assert talk.channel
    assert talk.channel.keys == (bytes.fromhex(trace["KS_enc"]), bytes.fromhex(trace["KS_mac"]))
