# SPDX-License-Identifier: Apache-2.0
"""Sessions through pcscd, where others can reach the card as well."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from secmod import SecurityModule
from secmod.emulator import build_card
from secmod.errors import CardResetError, SecureMessagingError, SessionOverError
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server

PIN = "0000000000"


@pytest.fixture(params=["T1", "T0"])
def server(
    request: pytest.FixtureRequest,
    pcscd: PrivatePcscd,
    start_server: Callable[..., Server],
    use_here: Callable[[PrivatePcscd], None],
) -> Server:
    use_here(pcscd)
    return start_server(pcscd, build_card("tr03109_2", request.param))


def test_another_program_resets_the_card(server: Server) -> None:
    with SecurityModule.open("pcsc:") as module, SecurityModule.open("pcsc:") as other:
        module.open_session(PIN)
        other.reset()
        with pytest.raises(CardResetError):
            module.random(8)
        with pytest.raises(SessionOverError, match="another program has reset the card"):
            module.random(8)
        module.reset()
        module.open_session(PIN)
        assert len(module.random(8)) == 8


def test_another_program_speaks_in_between(server: Server) -> None:
    """Its plain command ends the session at the card, and it gains nothing from it."""
    with SecurityModule.open("pcsc:") as module, SecurityModule.open("pcsc:") as other:
        module.open_session(PIN)
        assert other.phase() == "I"
        with pytest.raises(SecureMessagingError, match="the card has ended the session: 6988") as lost:
            module.random(8)
        assert lost.value.sw == 0x6988
        module.open_session(PIN)
        assert len(module.random(8)) == 8


def test_the_command_line(server: Server, pcscd: PrivatePcscd) -> None:
    words = [sys.executable, "-m", "secmod", "apdu", "--json", "--to", "pcsc:secmod", "--pace", "PIN.GW", "--password-env", "PIN"]
    environment = {**os.environ, **pcscd.env, "PIN": PIN}
    done = subprocess.run([*words, "00CADF2101", "0084000008"], env=environment, capture_output=True, text=True, check=True)
    phase, challenge = json.loads(done.stdout)
    assert (phase["data"], phase["sw"]) == ("01", "9000")
    assert len(challenge["data"]) == 16
    assert phase["protected"][0]["command"].startswith("0CCADF21")
