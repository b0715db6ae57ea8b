# SPDX-License-Identifier: Apache-2.0
"""The proof that no number of the lanes outgrows its limbs, for every curve of native/curves.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

NATIVE = Path(__file__).parents[2] / "native"


def prove(curves: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(NATIVE / "tests" / "lanes_bounds.py"), str(curves)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_bounds_of_the_lanes_hold():
    proof = prove(NATIVE / "curves.toml")
    assert proof.returncode == 0, proof.stderr
    assert proof.stdout.count("double") == proof.stdout.count("add_affine") == 5


@pytest.mark.parametrize("name", ["p", "n"])
def test_a_modulus_without_room_is_found(tmp_path: Path, name: str):
    text = (NATIVE / "curves.toml").read_text(encoding="utf-8")
    first = next(line for line in text.splitlines() if line.startswith(f"{name} "))
    (tmp_path / "curves.toml").write_text(text.replace(first, f'{name} = "{"f" * 65}"', 1), encoding="utf-8")
    assert "ArithmeticError" in prove(tmp_path / "curves.toml").stderr
