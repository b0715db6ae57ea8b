# SPDX-License-Identifier: Apache-2.0
"""`secmod doctor`: finds what is missing or wrong, each with the command that mends it."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import util
from pathlib import Path

import click

from secmod.cli.exits import ExitCode
from secmod.cli.report import console, json_option, print_json, table

PCSCD_SOCKET = "/run/pcscd/pcscd.comm"
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin"  # where daemons lie; not in everyone's PATH


class State(StrEnum):
    """What a finding says."""

    OK = "ok"
    NOTE = "note"  # not needed for everything; `mend` says what for
    MISSING = "missing"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, what was found, and the command that mends it."""

    subject: str
    state: State
    detail: str
    mend: str = ""


def program(name: str) -> str | None:
    """Where a program lies, in PATH or where daemons are."""
    return shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)


def _core() -> Iterator[Finding]:
    reinstall = "pip install --force-reinstall secmod"
    try:
        from secmod.crypto import selftest
    except ImportError as error:
        yield Finding("native core", State.MISSING, f"can not be loaded: {error}", reinstall)
        return
    failed = selftest.run()
    if failed:
        yield Finding("native core", State.WRONG, f"self-test failed: {', '.join(failed)}", reinstall)
    else:
        yield Finding("native core", State.OK, f"self-test passed; {selftest.library_version()}")


def _programs() -> Iterator[Finding]:
    for name, why in (("pcscd", "the PC/SC service that loads the driver"), ("openssl", "verifies signatures in the demo")):
        path = program(name)
        if path:
            yield Finding(name, State.OK, path)
        else:
            yield Finding(name, State.MISSING, why, f"sudo apt-get install {name}")


def _libraries() -> Iterator[Finding]:
    try:
        ctypes.CDLL("libpcsclite.so.1")
        yield Finding("libpcsclite.so.1", State.OK, "loads")
    except OSError as error:
        yield Finding("libpcsclite.so.1", State.MISSING, f"PC/SC client library: {error}", "sudo apt-get install libpcsclite1")
    if util.find_spec("smartcard"):
        yield Finding("pyscard", State.OK, "installed")
    else:
        yield Finding("pyscard", State.MISSING, "Python's way to PC/SC", "pip install 'secmod[pcsc]'")


def _service() -> Iterator[Finding]:
    path = os.environ.get("PCSCLITE_CSOCK_NAME", PCSCD_SOCKET)
    start = "sudo systemctl start pcscd.socket" if Path("/run/systemd/system").is_dir() else "sudo pcscd"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        try:
            client.connect(path)
        except OSError as error:
            match error.errno:
                case errno.ENOENT:
                    yield Finding("pcscd service", State.MISSING, f"not running: there is no {path}", start)
                case errno.ECONNREFUSED:
                    yield Finding("pcscd service", State.MISSING, f"not running: {path} is left over", start)
                case errno.EACCES:
                    yield Finding("pcscd service", State.WRONG, f"{path} belongs to another user", f"sudo chmod a+rw {path}")
                case _:
                    yield Finding("pcscd service", State.WRONG, f"{path}: {error.strerror}", start)
        else:
            yield Finding("pcscd service", State.OK, f"answers at {path}")


def _driver() -> Iterator[Finding]:
    raise NotImplementedError


CHECKS = (_core, _programs, _libraries, _driver, _service)


def examine() -> list[Finding]:
    """Everything there is to say about this machine, in the order in which it is best mended."""
    return [finding for check in CHECKS for finding in check()]


@click.command(name="doctor")
@json_option
def command(as_json: bool) -> None:
    """Find what is missing or wrong here, each with the command that mends it.

    Exit code 0 if nothing is, else 1.
    """
    findings = examine()
    healthy = all(finding.state in {State.OK, State.NOTE} for finding in findings)
    if as_json:
        print_json({"healthy": healthy, "findings": [asdict(finding) for finding in findings]})
    else:
        rows = ((finding.subject, finding.state, finding.detail, finding.mend) for finding in findings)
        console().print(table("what", "state", "found", "mend with", rows=rows))
    if not healthy:
        raise click.exceptions.Exit(ExitCode.FAILURE)


__all__ = ["Finding", "State", "command", "examine"]
