# SPDX-License-Identifier: Apache-2.0
"""What packaging/ hands to systemd is understood by systemd, and says what the program takes."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from secmod.cli.serve import command as serve

PACKAGING = Path(__file__).parents[1] / "packaging"
UNIT = (PACKAGING / "secmod@.service").read_text(encoding="utf-8")


def run(*words: str) -> str:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_unit_is_understood(tmp_path: Path) -> None:
    unit = (
        UNIT.replace("/usr/bin/secmod", sys.executable)
        .replace("User=secmod\nGroup=secmod\n", "")
        .replace("Wants=pcscd.socket\n", "")
    )
    (tmp_path / "secmod@.service").write_text(unit, encoding="utf-8")
    (tmp_path / "secmod@main.service").symlink_to("secmod@.service")
    told = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(tmp_path / "secmod@main.service"))
    assert "secmod@" not in told  # it warns of what it does not know, and says where


def test_the_unit_gives_options_that_there_are() -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", UNIT, re.MULTILINE)
    (default,) = re.findall(r'"SECMOD_OPTIONS=(.*?)"', UNIT)
    words = [word for word in shlex.split(f"{line} {default} --passphrase-file x") if word.startswith("--")]
    known = {name for parameter in serve.params for name in parameter.opts}
    assert set(words) <= known


def test_the_account_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    told = run("systemd-sysusers", "--dry-run", f"--root={tmp_path}", str(PACKAGING / "secmod.sysusers"))
    assert "secmod" in told


def test_the_directory_of_the_sockets_is_the_drivers_own() -> None:
    lines = [line.split() for line in (PACKAGING / "secmod.tmpfiles").read_text(encoding="utf-8").splitlines() if line[0] != "#"]
    assert lines == [["d", "/run/secmod", "3775", "root", "secmod", "-"]]
    assert "ReadWritePaths=-/run/secmod" in (PACKAGING / "pcscd-secmod.conf").read_text(encoding="utf-8")
    assert "ReadWritePaths=/run/secmod" in UNIT
