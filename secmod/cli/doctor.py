# SPDX-License-Identifier: Apache-2.0
"""`secmod doctor`: finds what is missing or wrong, each with the command that mends it."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib import util
from pathlib import Path

import click

import secmod
from secmod.cli.exits import ExitCode
from secmod.cli.report import json_option, print_json
from secmod.errors import DriverError

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


def _program(name: str) -> str | None:
    """Where a program lies, in PATH or where daemons are."""
    return shutil.which(name) or shutil.which(name, path=SYSTEM_PATH)


def _has_systemd() -> bool:
    return Path("/run/systemd/system").is_dir()


def _reinstall() -> str:
    """What builds the native parts anew."""
    checkout = Path(secmod.__file__).parent.parent
    return f"make -C {checkout} run" if (checkout / "Makefile").is_file() else "pip install --force-reinstall secmod"


def _secmod() -> str:
    """The command line's whole path: root's PATH may not have it."""
    beside = Path(sys.executable).with_name("secmod")
    return str(beside) if beside.is_file() else f"{sys.executable} -m secmod"


def _core() -> Iterator[Finding]:
    try:
        from secmod.crypto import selftest
    except ImportError as error:
        yield Finding("native core", State.MISSING, f"can not be loaded: {error}", _reinstall())
        return
    failed = selftest.run()
    if failed:
        yield Finding("native core", State.WRONG, f"self-test failed: {', '.join(failed)}", _reinstall())
    else:
        yield Finding("native core", State.OK, f"self-test passed; {selftest.library_version()}")
        yield _memory()


def _memory() -> Finding:
    from secmod.crypto.secret import secret_memory

    memory = secret_memory()
    if memory.dumped:
        return Finding("memory of secrets", State.NOTE, "core dumps may show it: the kernel is older than 3.4", "ulimit -c 0")
    if memory.locked < memory.size:
        return Finding(
            "memory of secrets", State.NOTE, "not in core dumps, but may be swapped out: no leave to lock it", "ulimit -l 8192"
        )
    return Finding("memory of secrets", State.OK, "never swapped out, not in core dumps")


def _programs() -> Iterator[Finding]:
    for name, absent, why in (
        ("pcscd", State.NOTE, "the PC/SC service that loads the driver; `secmod serve --direct` does without"),
        ("openssl", State.MISSING, "verifies signatures in the demo"),
    ):
        path = _program(name)
        if path:
            yield Finding(name, State.OK, path)
        else:
            yield Finding(name, absent, why, f"sudo apt-get install {name}")


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
    from secmod.reader import driver

    path = os.environ.get("PCSCLITE_CSOCK_NAME", PCSCD_SOCKET)
    start = "sudo systemctl start pcscd.socket" if _has_systemd() else "sudo pcscd"
    # Who has neither our driver in it nor a socket of his own choice may well do without.
    wanted = "PCSCLITE_CSOCK_NAME" in os.environ or driver.status().driver is not None
    absent = State.MISSING if wanted else State.NOTE
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        client.settimeout(2)
        try:
            client.connect(path)
        except OSError as error:
            match error.errno:
                case errno.ENOENT:
                    yield Finding("pcscd service", absent, f"not running: there is no {path}", start)
                case errno.ECONNREFUSED:
                    yield Finding("pcscd service", absent, f"not running: {path} is left over", start)
                case errno.EACCES:
                    yield Finding("pcscd service", State.WRONG, f"{path} belongs to another user", f"sudo chmod a+rw {path}")
                case _:
                    yield Finding("pcscd service", State.WRONG, f"{path}: {error}", start)
        else:
            yield Finding("pcscd service", State.OK, f"answers at {path}")


def _driver() -> Iterator[Finding]:
    from secmod.reader import driver

    try:
        yield Finding("reader driver", State.OK, f"built: {driver.driver_path()}")
        found = driver.status()
    except DriverError as error:
        yield Finding("reader driver", State.MISSING, str(error), _reinstall())
        return
    install = f"sudo {_secmod()} driver install"
    if found.driver is None and found.config is None:
        unused = "not installed; only the machine's own pcscd needs it"
        yield Finding("driver in pcscd", State.NOTE, unused, install)
    elif not found.ours:
        yield Finding("driver in pcscd", State.WRONG, found.sentence, f"sudo mv {found.config or found.driver} /root/")
    elif found.driver is None or found.config is None or not found.current:
        yield Finding("driver in pcscd", State.WRONG, found.sentence, install)
    else:
        yield Finding("driver in pcscd", State.OK, f"{found.driver}, configured by {found.config}")


def _listening() -> set[str]:
    """The paths that somebody listens on, by the kernel's list (unix sockets with the accept flag)."""
    accepts = 0x10000
    lines = Path("/proc/net/unix").read_text(encoding="utf-8", errors="replace").splitlines()[1:]
    words = (line.split(maxsplit=7) for line in lines)
    return {word[7] for word in words if len(word) == 8 and int(word[3], 16) & accepts}


def _sockets() -> Iterator[Finding]:
    from secmod.reader import driver
    from secmod.reader.link import socket_directory

    installed = driver.status().config
    directories = dict.fromkeys([*_configured_directories(installed), socket_directory()])
    listening = _listening()
    for directory in directories:
        for path in sorted(directory.glob("reader*.sock")) if os.access(directory, os.R_OK | os.X_OK) else ():
            subject = f"socket {path.name}"
            if str(path) not in listening:
                yield Finding(subject, State.NOTE, f"{path}: left over; pcscd replaces it at its start", f"sudo rm {path}")
            elif not os.access(path, os.W_OK):
                owner = path.stat().st_uid
                mend = f'sudo {_secmod()} driver install --group "$(id -gn)"'
                yield Finding(subject, State.WRONG, f"{path} belongs to user {owner}: you may not play its card", mend)
            else:
                yield Finding(subject, State.OK, f"{path}: the driver listens, you may play its card")
        if installed and not directory.is_dir() and directory in _configured_directories(installed):
            restart = "sudo systemctl restart pcscd" if _has_systemd() else "sudo pkill -x pcscd; sudo pcscd"
            yield Finding("sockets", State.MISSING, f"no {directory}: pcscd has not loaded the driver", restart)


def _configured_directories(config: Path | None) -> list[Path]:
    """Where the installed reader.conf has the driver listen."""
    if config is None or not os.access(config, os.R_OK):
        return []
    devices = re.findall(r'^DEVICENAME\s+"?unix:([^:"\n]+)', config.read_text(encoding="utf-8"), re.MULTILINE)
    return list(dict.fromkeys(Path(device).parent for device in devices))


CHECKS = (_core, _programs, _libraries, _driver, _service, _sockets)


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
        for finding in findings:
            # No table: a command that is to be pasted must not be folded.
            click.echo(f"{finding.state:8} {finding.subject:18} {finding.detail}")
            if finding.mend:
                click.echo(f"{'':27} mend with: {finding.mend}")
    if not healthy:
        raise click.exceptions.Exit(ExitCode.FAILURE)


__all__ = ["Finding", "State", "command", "examine"]
