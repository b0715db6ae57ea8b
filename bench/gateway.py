# SPDX-License-Identifier: Apache-2.0
"""What a gateway has its module do, by the host library, in plain or in a session: `python -m bench.gateway ADDRESS FORM TASK…`.

Every task is one command, prepared once and sent again and again, but for "pace", which is a whole handshake.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

from bench.interleave import Block, in_python
from bench.workers import Worker, end_with, work
from secmod.crypto import CURVES, Vault
from secmod.errors import NoCardError
from secmod.host import SecurityModule
from secmod.reader.pcscd import PrivatePcscd

PROFILE: Final = "open"  # whose commands work in plain as well
PIN: Final = "0000000000"
FORMS: Final = ("plain", "protected")

_READ_ROOT, _UPDATE_ROOT = "00B08100", "00D68100"  # by SFI: selects nothing by a command of its own
_TRIES: Final = 500  # of 10 ms each, until the card is in


def task(module: SecurityModule, form: str, *words: str) -> Callable[[], object]:
    """The task of these words, ready to be done; its outcome has been checked once."""
    if words[0] == "pace":
        return partial(module.open_session, PIN, suite=words[1])
    if form == "protected":
        module.open_session(PIN)
    else:
        module.select()
    command = _command(module, *words)
    answer = module.transmit(command)
    assert answer.endswith(b"\x90\x00"), answer.hex()
    return partial(module.transmit, command)


def _command(module: SecurityModule, name: str, parameter: str = "") -> bytes:
    match name:
        case "challenge":
            return bytes.fromhex("0084000008")
        case "select":
            return bytes.fromhex("00A4000C")
        case "read":
            size = int(parameter)
            module.update_file("EF.C.ROOT", bytes(size))
            return bytes.fromhex(_READ_ROOT) + (bytes([size]) if size < 256 else b"\x00" + size.to_bytes(2))
        case "update":
            size = int(parameter)
            return bytes.fromhex(_UPDATE_ROOT) + (bytes([size]) if size < 256 else b"\x00" + size.to_bytes(2)) + bytes(size)
        case "sign":
            size = CURVES[parameter].field_bytes
            module.generate_key("PrK.HAN.TLS.A", parameter, overwrite=True)
            module.sign("PrK.HAN.TLS.A", bytes(size))
            return bytes.fromhex("002A9E9A") + bytes([size]) + bytes(size) + b"\x00"
        case "agree":
            curve = CURVES[parameter]
            other = Vault().generate(curve).public_point
            module.generate_key("PrK.WAN.ENC.A", overwrite=True)
            module.activate_key("PrK.WAN.ENC.A")
            module.agree("PrK.WAN.ENC.A", other)
            size = curve.point_bytes
            return bytes.fromhex("00860000") + bytes([size + 4, 0x7C, size + 2, 0x85, size]) + other + b"\x00"
    raise ValueError(name)


def here(stack: ExitStack, form: str, *words: str) -> Block:
    """Card and host in this process."""
    module = stack.enter_context(SecurityModule.open(f"local:{PROFILE}"))
    return in_python(task(module, form, *words))


def start_two(stack: ExitStack) -> Mapping[str, str]:
    """A pcscd and `secmod serve` with a card for each form, ended with the stack; returns what clients need to find it."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="secmod-bench-")))
    daemon = stack.enter_context(PrivatePcscd(directory, readers=len(FORMS)))
    serve = [sys.executable, "-m", "secmod", "serve", "--profile", PROFILE, "--readers", str(len(FORMS))]
    end_with(stack, subprocess.Popen([*serve, "--socket-dir", str(directory)], stderr=subprocess.DEVNULL))
    return daemon.env


def there(stack: ExitStack, env: Mapping[str, str], form: str, *words: str) -> Block:
    """A host in a process of its own, at the card of its form."""
    address = f"pcsc:secmod reader {FORMS.index(form)}"
    return stack.enter_context(Worker(sys.executable, "-m", "bench.gateway", address, form, *words, env=env)).block


def _open(address: str) -> SecurityModule:
    for _ in range(_TRIES):
        try:
            return SecurityModule.open(address)
        except NoCardError:
            time.sleep(0.01)
    return SecurityModule.open(address)


def main() -> None:
    address, form, *words = sys.argv[1:]
    with _open(address) as module:
        module.reset()
        work(in_python(task(module, form, *words)))


if __name__ == "__main__":
    main()

__all__ = ["FORMS", "here", "start_two", "task", "there"]
