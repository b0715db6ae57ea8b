# SPDX-License-Identifier: Apache-2.0
"""One private pcscd with four readers side by side, so that only what is behind them differs."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from bench.workers import Worker, end_with, program
from secmod.reader.driver import socket_name
from secmod.reader.pcscd import PrivatePcscd

NOOP: Final = "no-op handler"
SECMOD: Final = "secmod reader 0"
NULL_PYTHON: Final = "secmod reader 1"
NULL_C: Final = "secmod reader 2"


def start_emulator(stack: ExitStack, sockets: Path) -> None:
    """`secmod serve`, as a user starts it, behind reader 0 of a directory; ended with the stack."""
    command = [sys.executable, "-m", "secmod", "serve", "--socket-dir", str(sockets)]
    end_with(stack, subprocess.Popen(command, stderr=subprocess.DEVNULL))


@contextmanager
def four_readers() -> Iterator[None]:
    """A pcscd that every PC/SC program started from here finds, this process included.

    NOOP answers inside its handler.  The others are readers of our driver; behind them are `secmod serve`, a Python process whose
    card answers 9000, and a process in C that does the same.
    """
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="secmod-bench-")))
        handler = directory / "libifdnoop.so"
        handler.symlink_to(program("noop_ifd"))
        conf = directory / "reader.conf.d"
        conf.mkdir()
        (conf / "noop").write_text(
            f'FRIENDLYNAME "{NOOP}"\nDEVICENAME noop:0\nLIBPATH {handler}\nCHANNELID 16\n', encoding="utf-8"
        )
        daemon = stack.enter_context(PrivatePcscd(directory, readers=3))
        os.environ.update(daemon.env)
        start_emulator(stack, directory)
        null_python = [sys.executable, "-m", "bench.null_card", str(directory / socket_name(1))]
        null_c = [str(program("null_card")), str(directory / socket_name(2))]
        end_with(stack, subprocess.Popen(null_python, stderr=subprocess.DEVNULL))
        end_with(stack, subprocess.Popen(null_c))
        yield


def winscard(stack: ExitStack, reader: str, *apdus: str) -> Worker:
    """A PC/SC program in C, connected and ready."""
    return stack.enter_context(Worker("winscard_client", reader, *apdus))


__all__ = ["NOOP", "NULL_C", "NULL_PYTHON", "SECMOD", "four_readers", "start_emulator", "winscard"]
