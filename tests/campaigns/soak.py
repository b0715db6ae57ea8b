# SPDX-License-Identifier: Apache-2.0
"""An hour at full rate through pcscd, driver and emulator: memory stays flat, no descriptor is lost, answers come as at first.

Commands by a C program as fast as they go, and a session (PACE, protected commands) between any two batches.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from secmod.reader.pcscd import PrivatePcscd
from tests.campaigns.programs import ROOT, client_program
from tests.campaigns.report import Report, main
from tests.pcsc.client import CClient

READER = "secmod reader 0 00 00"
SECONDS = 3600
_BATCH = 20_000  # commands
_WARM = 1000  # sessions: interpreter and allocator grow for so long, and then no more
_COMMAND = "00CADF2101"  # GET DATA: the phase, which is told to everybody
_SESSION = """
import sys
from secmod import SecurityModule
for line in sys.stdin:
    for _ in range(int(line)):
        with SecurityModule.open("pcsc:secmod") as module:
            module.open_session("0000000000")
            module.random(8)
    print("done", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Bytes of memory, descriptors, and round trips of a batch (µs)."""

    memory: dict[str, int]
    descriptors: dict[str, int]
    median: float
    late: float


def _memory(pid: int) -> int:
    rows = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:])
    return int(rows["Rss"].split()[0]) * 1024


def _descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _sessions(session: subprocess.Popen[str], count: int) -> None:
    session.stdin.write(f"{count}\n")
    session.stdin.flush()
    assert session.stdout.readline() == "done\n"


def _sample(client: CClient, session: subprocess.Popen[str], pids: dict[str, int], batch: int) -> Sample:
    rv, middle, late, _ = client.call(f"measure {batch} {_COMMAND}")
    assert int(rv, 16) == 0, rv
    client.disconnect()
    _sessions(session, 1)
    assert client.connect(READER)[0] == 0
    return Sample(
        {name: _memory(pid) for name, pid in pids.items()},
        {name: _descriptors(pid) for name, pid in pids.items()},
        int(middle) / 1000,
        int(late) / 1000,
    )


def _tell(report: Report, samples: list[Sample], *, long: bool) -> None:
    quarter = max(1, len(samples) // 4)
    first, last = samples[:quarter], samples[-quarter:]
    for name in samples[0].memory:
        before, after = mean(s.memory[name] for s in first), mean(s.memory[name] for s in last)
        growth = round(100 * (after - before) / before, 2)
        report.row(f"{name}: memory, first quarter", round(before / 1024), "KiB")
        report.row(f"{name}: growth to the last quarter", growth, "%", ok=growth < 1 if long else None)
        # the least of some samples: pcscd may still be closing what the program has just left
        before, after = (min(s.descriptors[name] for s in some) for some in (first, last))
        report.row(f"{name}: descriptors, first and last quarter", f"{before}, {after}", ok=after == before)
    before, after = median(s.late for s in first), median(s.late for s in last)
    report.row("round trip: median of medians", round(median(s.median for s in samples), 1), "µs")
    report.row("round trip: 99th percentile, first quarter", round(before, 1), "µs")
    report.row("round trip: 99th percentile, last quarter", round(after, 1), "µs")
    report.row("round trip: drift of the 99th percentile", round(100 * (after - before) / before, 1), "%")  # the machine's, too


def campaign(report: Report, *, long: bool) -> None:
    """One card process and one program at full rate; SOAK_SECONDS sets another duration of the long form."""
    seconds, batch = (float(os.environ.get("SOAK_SECONDS", SECONDS)), _BATCH) if long else (0.0, 200)
    with ExitStack() as stack:
        pcscd = stack.enter_context(PrivatePcscd())
        environment = {**os.environ, **pcscd.env}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT, "env": environment}
        serve = [*("-m", "secmod", "serve", "--profile", "tr03109_2", "--until-eof"), "--socket-dir", pcscd.directory]
        emulator = stack.enter_context(subprocess.Popen([sys.executable, *serve], stderr=subprocess.DEVNULL, **pipes))
        session = stack.enter_context(subprocess.Popen([sys.executable, "-c", _SESSION], **pipes))
        client = stack.enter_context(CClient(client_program(), pcscd.env))
        if not client.watch(READER).present:
            client.wait_for(present=True)
        _sessions(session, _WARM if long else 1)
        assert client.connect(READER)[0] == 0
        pids = {"pcscd with the driver": pcscd.pid, "emulator": emulator.pid, "program": session.pid}
        for _ in range(2):  # what is loaded and cached at first use is
            _sample(client, session, pids, batch)
        began, samples = time.monotonic(), [_sample(client, session, pids, batch)]
        while time.monotonic() - began < seconds or len(samples) < 8:
            samples.append(_sample(client, session, pids, batch))
            report.progress(
                f"{time.monotonic() - began:,.0f} s, {len(samples) * batch:,} commands, p99 {samples[-1].late:.0f} µs, "
                f"emulator {samples[-1].memory['emulator'] // 1024:,} KiB"
            )
        report.row("duration", round(time.monotonic() - began), "s")
        report.row("commands", len(samples) * batch, f"and {len(samples)} sessions")
        _tell(report, samples, long=long)
        report.row(
            "pcscd lives", "yes" if pcscd.running else "no", ok=pcscd.running and pcscd.pid == pids["pcscd with the driver"]
        )


if __name__ == "__main__":
    main("soak", campaign)
