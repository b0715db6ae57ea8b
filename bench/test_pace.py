# SPDX-License-Identifier: Apache-2.0
"""How many PACE handshakes can be had in a second, by both ends together?

"Two ends" are the two states of `secmod.pace`, without any card; then a gateway opens sessions at a card, in its own process and
through pcscd: seven commands each (the application is selected in the new session).  All work of both ends is in the figure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Final

import pytest

from bench.conftest import Effort
from bench.gateway import here, start_two, there
from bench.interleave import Block, Contender, in_python, sized
from secmod.crypto import Vault
from secmod.pace import SUITES, CardEnd, HostEnd, Suite

PEER: Final = "two ends, no card"
STATIONS: Final = (PEER, "card, in process", "card, through pcscd")


def two_ends(suite: Suite) -> Block:
    card_vault, host_vault = Vault(), Vault()
    card_password, host_password = card_vault.password(b"0123456789"), host_vault.password(b"0123456789")

    def handshake() -> None:
        card, host = CardEnd(card_vault, suite, card_password), HostEnd(host_vault, suite, host_password)
        mapped = card.map(host.nonce(card.nonce()))
        agreed = card.agree(host.map(mapped))
        token, session = card.finish(host.agree(agreed), lambda: None)
        host.finish(token).release()
        session.release()

    return in_python(handshake)


@pytest.mark.parametrize("station", STATIONS)
@pytest.mark.parametrize("suite", SUITES.values(), ids=lambda suite: suite.curve.name)
def test_handshake(suite: Suite, station: str, effort: Effort, report: Callable[..., None]) -> None:
    def contenders(stack: ExitStack) -> Sequence[Contender]:
        blocks: dict[str, Block] = {
            PEER: two_ends(suite),
            "card, in process": here(stack, "protected", "pace", suite.name),
            "card, through pcscd": there(stack, start_two(stack), "protected", "pace", suite.name),
        }
        return [sized(name, block, effort.block_ns) for name, block in blocks.items()]

    report(f"PACE handshake · {suite.curve.name}, AES-{8 * suite.key_bytes}", station, contenders, peer=PEER, show="rate")
