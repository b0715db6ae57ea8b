# SPDX-License-Identifier: Apache-2.0
"""One private pcscd with four readers side by side, so that only what is behind them differs."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.interleave import Block
from bench.workers import Worker, end_with, program
from secmod.reader.direct import SOCKET_NAME, VARIABLE
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


def start_readers(stack: ExitStack) -> Mapping[str, str]:
    """A pcscd and what is behind its readers, ended with the stack; returns what a PC/SC program's environment needs to find it.

    NOOP answers inside its handler.  The others are readers of our driver; behind them are `secmod serve`, a Python process whose
    card answers 9000, and a process in C that does the same.
    """
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="secmod-bench-")))
    handler = directory / "libifdnoop.so"
    handler.symlink_to(program("noop_ifd"))
    conf = directory / "reader.conf.d"
    conf.mkdir()
    stanza = f'FRIENDLYNAME "{NOOP}"\nDEVICENAME noop:0\nLIBPATH {handler}\nCHANNELID 16\n'
    (conf / "noop").write_text(stanza, encoding="utf-8")
    daemon = stack.enter_context(PrivatePcscd(directory, readers=3))
    start_emulator(stack, directory)
    null_python = [sys.executable, "-m", "bench.null_card", str(directory / socket_name(1))]
    null_c = [str(program("null_card")), str(directory / socket_name(2))]
    end_with(stack, subprocess.Popen(null_python, stderr=subprocess.DEVNULL))
    end_with(stack, subprocess.Popen(null_c))
    return daemon.env


def start_direct(stack: ExitStack) -> Mapping[str, str]:
    """`secmod serve --direct`, ended with the stack; returns what a PC/SC program's environment needs to find it."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="secmod-bench-")))
    command = [sys.executable, "-m", "secmod", "serve", "--direct", "--json", "--socket-dir", str(directory)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    end_with(stack, process)
    assert process.stdout is not None
    stack.callback(process.stdout.close)
    process.stdout.readline()  # it serves now
    return {VARIABLE: str(directory / SOCKET_NAME)}


def winscard(stack: ExitStack, env: Mapping[str, str], reader: str, *apdus: bytes) -> Block:
    """A PC/SC program in C that sends the APDUs, and goes on with the last."""
    worker = Worker(program("winscard_client"), reader, *(apdu.hex() for apdu in apdus), env=env)
    return stack.enter_context(worker).block


def pyscard(stack: ExitStack, env: Mapping[str, str], layer: str, reader: str, apdu: bytes) -> Block:
    """A PC/SC program in Python, with pyscard's `scard` or its `connection`."""
    worker = Worker(sys.executable, "-m", "bench.pyscard_client", layer, reader, apdu.hex(), env=env)
    return stack.enter_context(worker).block


__all__ = ["NOOP", "NULL_C", "NULL_PYTHON", "SECMOD", "pyscard", "start_direct", "start_emulator", "start_readers", "winscard"]
