# SPDX-License-Identifier: Apache-2.0
"""Parts of `make crash` that run in a process of their own, with storage_faults.c loaded: what they tell, and who listens."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.campaigns.programs import with_storage_faults
from tests.campaigns.report import Report

KINDS = {"lost": "acknowledged changes lost", "half done": "half-done changes seen", "surprise": "surprises"}
"""How a case that is wrong begins, and what it is called in the report."""


def listen(report: Report, module: str, seed: int, *, long: bool) -> dict[str, Any]:
    """Runs the module; what it has found."""
    command = [sys.executable, "-m", module, str(seed), *(["--long"] if long else [])]
    found: dict[str, Any] = {}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=with_storage_faults()) as child:
        assert child.stdout is not None
        for line in child.stdout:
            told = json.loads(line)
            if isinstance(told, str):
                report.progress(told)
            else:
                found = told
    return found


def tell_wrong(report: Report, part: str, wrong: Iterable[str]) -> None:
    """A row for each kind; the first ten cases on standard error."""
    cases = list(wrong)
    for kind, sentence in KINDS.items():
        count = sum(case.startswith(kind) for case in cases)
        report.row(f"{part}: {sentence}", count, ok=not count)
    for case in cases[:10]:
        sys.stderr.write(f"{case[:1000]}\n")


def say(text: str) -> None:
    """Progress, for the process that has started this one."""
    sys.stdout.write(json.dumps(text) + "\n")
    sys.stdout.flush()


def answer(work: Callable[..., dict[str, Any]]) -> None:
    """The module's end: work(directory, seed, long=…, progress=…), in memory where that can be had, and what it has found."""
    home = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  (how disks behave is made up by storage_faults.c)
    with tempfile.TemporaryDirectory(prefix="secmod-crash-", dir=home) as directory:
        found = work(Path(directory).resolve(), int(sys.argv[1]), long="--long" in sys.argv, progress=say)
    sys.stdout.write(json.dumps(found) + "\n")
