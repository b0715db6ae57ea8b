# SPDX-License-Identifier: Apache-2.0
"""What the README shows works when it is pasted."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from secmod.cli import VERBS

README = (Path(__file__).resolve().parent.parent / "README.md").read_text(encoding="utf-8")


def test_the_python_runs() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"brainpoolP256r1 [0-9a-f]{128}\n", done.stdout)


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
