# SPDX-License-Identifier: Apache-2.0
"""A module with a store behind a real pcscd: killed and started again, it is the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from secmod import SecurityModule
from secmod.reader.pcscd import PrivatePcscd
from tests.cli.test_serve import ready, serving
from tests.pcsc.client import CClient

PIN = "4711081500"


def test_a_module_outlives_its_process(
    pcscd: PrivatePcscd, client: CClient, use_here: Callable[[PrivatePcscd], None], tmp_path: Path
) -> None:
    use_here(pcscd)
    words = ("--socket-dir", str(pcscd.sockets[0].parent), "--store", str(tmp_path / "store"), "--profile", "tr03109_2")
    (reader,) = client.readers()
    with serving(*words) as process:
        ready(process)
        if not client.watch(reader).present:
            client.wait_for(present=True)
        with SecurityModule.open("pcsc:secmod") as module:
            module.open_session("0000000000")
            module.change_password(PIN)
            module.open_session(PIN)
            module.set_phase("V")
            key = module.generate_key("PrK.WAN.SIG.A")
        client.watch(reader)
        process.kill()
        client.wait_for(present=False)
    with serving(*words) as process:
        ready(process)
        if not client.watch(reader).present:
            client.wait_for(present=True)
        with SecurityModule.open("pcsc:secmod") as module:
            assert module.phase() == "V"
            module.open_session(PIN)
            assert module.public_key("PrK.WAN.SIG.A") == key
