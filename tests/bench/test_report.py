# SPDX-License-Identifier: Apache-2.0
"""The benchmarks run, with the libraries that are here, and what they find is told as tables and as a picture."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.gates import batch_gate, gate
from bench.libraries import LIBRARIES, OPENSSL
from bench.plot import svg
from bench.report import every_figure, markdown, tables
from secmod.crypto import CURVES

ROOT = Path(__file__).resolve().parents[2]


def measured(expression: str) -> dict[str, Any]:
    """The result of a short run that is none of this test session's workers."""
    command = [sys.executable, "-m", "bench", "--quick", "--json", "-k", expression]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=580)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def entry(name: str, ns: float, ratio: float, *, limit: float, stretch: float | None, show: str = "rate") -> dict[str, Any]:
    info = {
        "contender": name,
        "peer": OPENSSL,
        "show": show,
        "ns": {"p50": ns, "p99": ns, "min": ns, "max": ns},
        "ratio": {"median": ratio, "min": ratio, "max": ratio, "p99": ratio},
        "gates": {"median": limit},
        "stretch": stretch,
    }
    return {"group": f"{name} · curve", "extra_info": info}


def result_of(*entries: dict[str, Any]) -> dict[str, Any]:
    return {
        "benchmarks": list(entries),
        "commit_info": {"id": "0" * 40, "time": "then", "dirty": False},
        "conditions": {"others_used_before": 0, "quick": False, "left_out": {"Botan 2": "the Debian package libbotan-2-dev"}},
        "machine_info": {"cpu": "one"},
        "datetime": "2026-01-01T00:00:00+00:00",
    }


@pytest.mark.timeout(600)  # a machine that is busy elsewhere compiles for minutes
def test_every_library_that_is_here_is_measured_and_told() -> None:
    result = measured("test_random or (test_curve and sign and brainpoolP256r1)")
    here = {name for name, library in LIBRARIES.items() if not library.lacks()}
    infos = [item["extra_info"] for item in result["benchmarks"] if item["group"] == "sign · brainpoolP256r1"]
    assert {info["contender"] for info in infos} == here
    assert all(info["ns"]["min"] <= info["ns"]["p50"] <= info["ns"]["max"] and info["kilocycles"] > 0 for info in infos)
    assert set(result["conditions"]["left_out"]) == set(LIBRARIES) - here

    assert [table.title for table in tables(result)] == [
        "gates",
        "brainpoolP256r1: operations per second, and × OpenSSL",
        "32 random bytes: operations per second, and × OpenSSL",
        "machine",
    ]
    assert len(every_figure(result).rows) == len(result["benchmarks"])
    text = markdown(result, "picture.svg")
    assert "![](picture.svg)" in text
    assert "| secmod |" in text
    assert "sign, brainpoolP256r1: rate, × OpenSSL" in svg(result)


def test_gates_are_met_missed_or_stretched() -> None:
    entries = [
        entry("fast", 10, 1 / 30, limit=18, stretch=28),
        entry("good", 10, 1 / 20, limit=18, stretch=28),
        entry("slow", 10, 1 / 17, limit=18, stretch=28),
        entry("short", 10, 3.0, limit=3.2, stretch=None, show="time"),
        entry("long", 10, 3.3, limit=3.2, stretch=None, show="time"),
    ]
    gates, *_, machine = tables(result_of(*entries))
    assert [row[-1] for row in gates.rows] == ["met, stretch too", "met", "missed", "met", "missed"]
    assert ("left out: Botan 2", "needs the Debian package libbotan-2-dev") in machine.rows


def test_every_curve_has_its_gates() -> None:
    for curve in CURVES:
        assert gate("sign", curve) is not None
        portable, full = gate("ECDH", curve, portable=True), gate("ECDH", curve)
        assert portable is not None
        assert full is not None
        assert portable.limit == pytest.approx(0.7 * full.limit)
    assert batch_gate("sign", "brainpoolP256r1") is not None
    assert batch_gate("sign", "secp256r1") is None
