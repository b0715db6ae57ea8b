# SPDX-License-Identifier: Apache-2.0
"""pcsc-lite's own `testpcsc` against our reader, with pcscd and without: its source is fetched from Debian when this runs.

Nothing of it is kept here: it is compiled and run in a temporary directory.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from tests.campaigns.programs import client_program
from tests.campaigns.report import Report, main
from tests.pcsc.client import CClient
from tests.pcsc.direct import DirectService
from tests.reader.cards import ReaderTestCard

READER = "secmod reader 0 00 00"
_PACKAGE = "pcsc-lite"
_ARCHIVES = {"debian": "https://deb.debian.org/debian", "ubuntu": "http://archive.ubuntu.com/ubuntu"}


class UnavailableError(Exception):
    """The source can not be had here."""


def _release() -> tuple[str, str]:
    words = dict(line.partition("=")[::2] for line in Path("/etc/os-release").read_text(encoding="utf-8").splitlines())
    identifier, codename = words.get("ID", "").strip('"'), words.get("VERSION_CODENAME", "").strip('"')
    if identifier not in _ARCHIVES or not codename or shutil.which("apt-get") is None:
        raise UnavailableError("this is no Debian whose sources could be fetched by apt-get")
    return _ARCHIVES[identifier], codename


def fetch(place: Path) -> Path:
    """The source of testpcsc below `place`, by apt-get with lists of its own; UnavailableError with a sentence."""
    archive, codename = _release()
    for name in ("parts", "lists/partial"):
        (place / name).mkdir(parents=True)
    keyring = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] " if "debian" in archive else ""
    (place / "sources.list").write_text(f"deb-src {keyring}{archive} {codename} main\n", encoding="ascii")
    options = [
        *("-o", f"Dir::Etc::sourcelist={place / 'sources.list'}", "-o", f"Dir::Etc::sourceparts={place / 'parts'}"),
        *("-o", f"Dir::State::lists={place / 'lists'}", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=1"),
    ]
    for words in (["update"], ["source", "--download-only", _PACKAGE]):
        try:
            done = subprocess.run(
                ["apt-get", *options, *words], cwd=place, capture_output=True, text=True, check=False, timeout=120
            )
        except subprocess.TimeoutExpired:
            raise UnavailableError("the archive does not answer") from None
        if done.returncode != 0:
            raise UnavailableError(f"apt-get {words[0]}: {done.stderr.strip().splitlines()[-1:]}")
    archives = list(place.glob(f"{_PACKAGE}_*.orig.tar.*[!c]"))
    if not archives:
        raise UnavailableError(f"no source of {_PACKAGE} in {codename}")
    subprocess.run(["tar", "-xf", archives[0]], cwd=place, check=True)
    return next(path for path in place.rglob("testpcsc.c") if path.is_file())


def build(source: Path) -> Path:
    """The program, beside its source."""
    (source.parent / "config.h").write_text("", encoding="ascii")
    program = source.with_suffix("")
    flags = ["-w", "-I.", "-I", "/usr/include/PCSC"]
    subprocess.run(["gcc", *flags, source.name, "-o", program, "-lpcsclite", "-lpthread"], cwd=source.parent, check=True)
    return program


def run(program: Path, environment: dict[str, str]) -> tuple[bool, str]:
    """Whether it passes, and the last thing it said.  It asks which reader to take."""
    try:
        done = subprocess.run(
            [program], env={**os.environ, **environment}, input="1\n" * 4, capture_output=True, text=True, check=False, timeout=60
        )
    except subprocess.TimeoutExpired:
        return False, "it did not end within a minute"
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr).strip()
    failed = [line for line in said.splitlines() if re.search(r"\bnot ok\b|error|failed", line, re.IGNORECASE)]
    last = said.splitlines()[-1] if said else ""
    return done.returncode == 0 and "PC/SC Test Completed Successfully" in said, "; ".join(failed[:3]) or last


def campaign(report: Report, *, long: bool) -> None:
    """Once with pcscd, once without; long or short, it is the same."""
    with tempfile.TemporaryDirectory(prefix="secmod-testpcsc-") as name, ExitStack() as stack:
        try:
            program = build(fetch(Path(name)))
        except UnavailableError as error:
            report.row("testpcsc", f"not run: {error}")
            return
        for kind in ("pcscd", "direct"):
            service = stack.enter_context(PrivatePcscd() if kind == "pcscd" else DirectService())
            if isinstance(service, DirectService):
                service.server.insert(0, ReaderTestCard())
            else:
                stack.enter_context(Server([Slot(ReaderTestCard(), service.sockets[0])])).wait_connected(20)
            with CClient(client_program(), service.env) as client:
                if not client.watch(READER).present:
                    client.wait_for(present=True)
            passed, said = run(program, service.env)
            report.row(f"testpcsc with {kind}", "passes" if passed else said, ok=passed)


if __name__ == "__main__":
    main("pcsc-lite's testpcsc", campaign)
