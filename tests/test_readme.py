# SPDX-License-Identifier: Apache-2.0
"""What the README shows works when it is pasted."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from secmod.cli import VERBS

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("number", "printed"), [(0, r"brainpoolP256r1 [0-9a-f]{128}\n"), (1, r"V brainpoolP256r1 [0-9a-f]{128}\n"), (2, "")]
)
def test_the_python_runs(number: int, printed: str) -> None:
    programs = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(programs) == 3
    done = subprocess.run([sys.executable, "-c", programs[number]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(printed, done.stdout)


def test_the_commands_get_the_answers_shown() -> None:
    (shown,) = re.findall(r"^\$ secmod (apdu .*?)^```", README, re.DOTALL | re.MULTILINE)
    words, *lines = shown.splitlines()
    done = subprocess.run([sys.executable, "-m", "secmod", *shlex.split(words)], capture_output=True, text=True, check=False)

    def without_chance(text: list[str]) -> list[str]:
        return [
            re.sub(r"\([\d,]+ µs\)|(?<=  04)[0-9A-F]{128}|(?<=^< 7F4943864104)[0-9A-F]{128}|^< [0-9A-F]{16}$", "", line)
            for line in text
        ]

    assert without_chance(done.stdout.splitlines()) == without_chance(lines)


def test_every_verb_is_in_its_table() -> None:
    assert set(re.findall(r"^\| `secmod (\w+)", README, re.MULTILINE)) == set(VERBS)
