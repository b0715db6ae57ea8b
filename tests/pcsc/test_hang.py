# SPDX-License-Identifier: Apache-2.0
"""No card process, however ill, holds a program or disturbs another reader.  `make hostile` tells the times."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pcsc.hangs import KINDS, play


@pytest.mark.parametrize("kind", KINDS)
def test_calls_end_and_others_are_served(kind: str, client_program: Path) -> None:
    seen = play(kind, client_program)
    assert seen.transmit[0] != 0
    assert seen.same_daemon
    assert seen.works_again
