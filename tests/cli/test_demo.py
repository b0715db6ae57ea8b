# SPDX-License-Identifier: Apache-2.0
"""The main job, from end to end, with a real pcscd."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.pcsc


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A place for temporary files with a short path: sockets lie there."""
    with tempfile.TemporaryDirectory(prefix="demo-") as directory:
        yield Path(directory)


def processes_of(directory: Path) -> list[int]:
    """Who still runs with `directory` as its place for temporary files."""
    marker = f"TMPDIR={directory}".encode()
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            words = environ.read_bytes().split(b"\0")
        except OSError:  # it has ended, or is another user's
            continue
        if marker in words and int(environ.parent.name) != os.getpid():
            found.append(int(environ.parent.name))
    return found


def test_a_file_is_signed_and_verified(secmod: Any, tmp_path: Path, temporary: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("to be signed", encoding="utf-8")
    done = secmod("demo", "--json", str(file), env={"TMPDIR": str(temporary)})
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["verified"] is True
    assert len(bytes.fromhex(result["signature"])) == 64
    assert {step["sw"] for step in result["steps"] if "sw" in step} == {"9000"}
    assert result["steps"][-1]["meaning"] == "Verified OK"
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


def test_every_step_is_in_the_table(secmod: Any) -> None:
    done = secmod("demo")
    assert done.returncode == 0, done.stderr
    for word in ("ATR", "SELECT", "GENERATE ASYMMETRIC KEY PAIR", "PSO COMPUTE DIGITAL SIGNATURE", "9000", "Verified OK", "µs"):
        assert word in done.stdout


def test_without_pcscd_it_says_so(secmod: Any, temporary: Path) -> None:
    done = secmod("demo", "--direct", env={"TMPDIR": str(temporary)})
    assert done.returncode == 0, done.stderr
    assert "service    secmod serve --direct\n" in done.stdout
    assert "Verified OK" in done.stdout
    assert list(temporary.iterdir()) == []
    assert processes_of(temporary) == []


def test_where_pcscd_is_not_installed_the_emulator_does_without(temporary: Path) -> None:
    """In a file system of its own, where pcscd can not be executed."""
    hidden = shutil.which("pcscd", path="/usr/sbin:/usr/bin")
    assert hidden is not None
    script = f"mount --bind /dev/null {hidden} && exec {sys.executable} -m secmod demo --json"
    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", script],
        env={**os.environ, "TMPDIR": str(temporary)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["service"] == "secmod serve --direct, for pcscd is not installed"
    assert result["verified"] is True
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("options", [[], ["--direct"]])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_leaves_nothing_running(
    tmp_path: Path, temporary: Path, number: signal.Signals, options: list[str]
) -> None:
    # The file to be signed is a pipe that nobody writes: the demo waits in its first step until it is interrupted.
    pipe = tmp_path / "endless"
    os.mkfifo(pipe)
    environment = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "secmod", "demo", *options, str(pipe)]
    with (
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process,
        pipe.open("wb"),  # opens once the demo reads
    ):
        process.send_signal(number)
        _, log = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "Traceback" not in log
    assert processes_of(temporary) == []
    assert list(temporary.iterdir()) == []
