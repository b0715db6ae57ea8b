# SPDX-License-Identifier: Apache-2.0
"""One pinned CPU, measurements handed to pytest-benchmark, and what its result file says besides."""

from __future__ import annotations

import dataclasses
import itertools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

import pytest

from bench import facts
from bench.interleave import Contender, Rounds, measure, ratio, spread
from bench.libraries import left_out

CLOCK: Final = "clock"  # the contender that is clock.c: no library, but what the others' times are in cycles
CLOCK_CYCLES: Final = 10_000  # of one operation of it


class Recorded:
    """A clock that repeats measured times: so pytest-benchmark makes statistics of what was measured in turns, and elsewhere."""

    def __init__(self) -> None:
        self.now = 0.0

    def read(self) -> float:
        """The timer."""
        return self.now

    def pass_by(self, seconds: float) -> None:
        """The target."""
        self.now += seconds


@dataclass(frozen=True, slots=True)
class Effort:
    """How many rounds, and how long one block of one contender takes in the crypto benchmarks."""

    rounds: int
    block_ns: float


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="an eighth of the rounds: to see that everything works")
    parser.addoption("--rounds", type=int, default=40, help="of blocks of 10 ms")


@pytest.fixture(scope="session", autouse=True)
def _one_cpu() -> Iterator[None]:
    """All that is measured runs on the last CPU we may use; processes started from here inherit it."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    yield
    os.sched_setaffinity(0, allowed)


@pytest.fixture(scope="session")
def effort(request: pytest.FixtureRequest) -> Effort:
    return Effort(5, 4e6) if request.config.getoption("--quick") else Effort(request.config.getoption("--rounds"), 10e6)


@pytest.fixture(scope="session")
def taken() -> dict[str, Rounds]:
    """Measurements of this run by group: each is taken once, and shown contender by contender."""
    return {}


@pytest.fixture
def report(benchmark: Any, taken: dict[str, Rounds], effort: Effort) -> Callable[..., None]:
    """Hands one contender of a group to pytest-benchmark, together with its ratio to the peer.

    `contenders` is called when the group is asked for the first time, with a stack for all that has to be ended afterwards; with
    `starts` that often, so that what a process gets by chance (its place in memory, the scheduler's moods) is averaged.  `show`
    says how people read the ratio: "time" (× the peer's time, less is better) or "rate" (× its operations per second);
    `gates` says what the ratio's figures must be, `stretch` what the median's would better be.
    """

    def hand_over(
        group: str,
        name: str,
        contenders: Callable[[ExitStack], Sequence[Contender]],
        *,
        peer: str,
        show: str,
        gates: dict[str, float] | None = None,
        stretch: float | None = None,
        starts: int = 1,
    ) -> None:
        if group not in taken:
            parts = []
            for _ in range(starts):
                with ExitStack() as stack:
                    parts.append(measure(contenders(stack), effort.rounds))
            taken[group] = {key: [block for part in parts for block in part[key]] for key in parts[0]}
        ours, peers = taken[group][name], taken[group][peer]
        recorded, at = Recorded(), itertools.count()
        benchmark.group = group
        benchmark._timer = recorded.read  # noqa: SLF001  (the marker's `timer`, set for one test)
        middle = [sorted(block)[len(block) // 2] / 1e9 for block in ours]
        benchmark.pedantic(lambda: recorded.pass_by(middle[next(at)]), rounds=len(middle))
        benchmark.extra_info.update(
            contender=name,
            peer=peer,
            show=show,
            ns=dataclasses.asdict(spread(ours)),
            samples=sum(map(len, ours)),
            ratio=dataclasses.asdict(ratio(ours, peers)),
            gates=gates or {},
            stretch=stretch,
        )
        if CLOCK in taken[group]:
            benchmark.extra_info["kilocycles"] = ratio(ours, taken[group][CLOCK]).median * CLOCK_CYCLES / 1000

    return hand_over


# ---- the result file ---------------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    share = facts.busy()
    config.stash[_BUSY] = share
    if share > _QUIET:
        print(f"other processes use {share:.0%} of this machine: the figures will be noisy", file=sys.stderr)


_BUSY = pytest.StashKey[float]()
_QUIET = 0.05


def pytest_benchmark_generate_machine_info(config: pytest.Config) -> dict[str, Any]:
    return facts.machine()


def pytest_benchmark_generate_commit_info(config: pytest.Config) -> dict[str, Any]:
    return facts.commit()


@pytest.hookimpl(trylast=True)
def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """Our date format, the conditions of the run; without the single samples, which make up most of the file."""
    output_json["datetime"] = facts.now()
    output_json["conditions"] = {
        "pinned_to_one_cpu": True,
        "others_used_before": float(f"{config.stash[_BUSY]:.3f}"),
        "quick": config.getoption("--quick"),
        "left_out": left_out(),
    }
    for entry in output_json["benchmarks"]:
        entry["stats"].pop("data", None)
        for key in ("options", "params", "param"):
            entry.pop(key, None)
    output_json["benchmarks"] = _rounded(output_json["benchmarks"])


def _rounded(value: Any) -> Any:
    """Five digits are more than a measurement has."""
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value
