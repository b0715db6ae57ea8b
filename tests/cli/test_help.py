# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import pytest

from secmod.cli import VERBS

HEAVY = ("smartcard", "rich", "secmod.card", "secmod.host", "secmod.reader", "secmod._native")


def test_every_verb_is_in_the_help_with_the_exit_codes(secmod: Any) -> None:
    done = secmod("--help")
    assert done.returncode == 0
    for word in (*VERBS, "Exit codes", "no reader, or no card"):
        assert word in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(secmod: Any, verb: str) -> None:
    done = secmod(verb, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: secmod {verb}")


def test_help_loads_nothing_heavy() -> None:
    code = """
import sys
from click.testing import CliRunner
from secmod.cli import cli
assert CliRunner().invoke(cli, ["--help"]).exit_code == 0
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert [name for name in HEAVY if name in loaded] == []


def test_version_names_every_part(secmod: Any) -> None:
    done = secmod("--version")
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert re.fullmatch(r"secmod \d+\.\d+\.\d+\S*", lines[0])
    assert re.fullmatch(r"libcrypto OpenSSL 3\..*", lines[1])
    assert re.fullmatch(r"driver IFDHandler 3\.0, link protocol \d+", lines[2])
    assert re.fullmatch(r"Python 3\.\d+\.\d+\S*", lines[3])


@pytest.mark.parametrize(
    "words", [["nonsense"], ["serve", "--readers", "17"], ["serve", "--protocol", "T2"], ["demo", "/nothing/here"]]
)
def test_a_wrong_command_line_is_exit_code_2_and_says_where_help_is(secmod: Any, words: list[str]) -> None:
    done = secmod(*words)
    assert done.returncode == 2
    assert "--help" in done.stderr
    assert "Traceback" not in done.stderr
