# SPDX-License-Identifier: Apache-2.0
"""Measuring in turns: each round gives every contender one block, so a slow spell of the machine hits all of them alike.

A ratio is taken between blocks of one round, and its median over all rounds is what is reported.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Block = Callable[[int, int], list[float]]
"""So many samples, each the mean of so many iterations: nanoseconds for one operation."""


@dataclass(frozen=True, slots=True)
class Contender:
    """What is measured, under its name.  Its block has `samples` samples of `iterations` operations each."""

    name: str
    block: Block
    samples: int
    iterations: int = 1


@dataclass(frozen=True, slots=True)
class Spread:
    """Nanoseconds for one operation, over all samples of all rounds."""

    p50: float
    p99: float
    min: float
    max: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """Time for one operation over the peer's time for it: median, least and greatest of the rounds; p99 over the peer's p99."""

    median: float
    min: float
    max: float
    p99: float


Rounds = Mapping[str, Sequence[Sequence[float]]]
"""Contender → round → samples."""


def in_python(operation: Callable[[], object]) -> Block:
    """A contender in this process."""

    def block(samples: int, iterations: int) -> list[float]:
        clock = time.perf_counter_ns
        times = []
        for _ in range(samples):
            start = clock()
            for _ in itertools.repeat(None, iterations):
                operation()
            times.append((clock() - start) / iterations)
        return times

    return block


def sized(name: str, block: Block, block_ns: float) -> Contender:
    """A contender whose block takes about so long; what is shorter than ten microseconds is measured in bundles."""
    once = statistics.median(block(5, 1))
    iterations = max(1, int(10_000 / once))
    return Contender(name, block, max(3, int(block_ns / (once * iterations))), iterations)


def measure(contenders: Sequence[Contender], rounds: int) -> Rounds:
    """All contenders in turns, in the opposite order every other round, after a block each to warm up."""
    taken: dict[str, list[list[float]]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        contender.block(contender.samples, contender.iterations)
    gc.collect()
    gc.disable()
    try:
        for number in range(rounds):
            for contender in contenders if number % 2 == 0 else reversed(contenders):
                taken[contender.name].append(contender.block(contender.samples, contender.iterations))
    finally:
        gc.enable()
    return taken


def spread(rounds: Sequence[Sequence[float]]) -> Spread:
    """Of all samples."""
    samples = sorted(itertools.chain.from_iterable(rounds))
    return Spread(statistics.median(samples), _p99(samples), samples[0], samples[-1])


def ratio(ours: Sequence[Sequence[float]], peers: Sequence[Sequence[float]]) -> Ratio:
    """Round by round, of the blocks' medians."""
    ratios = [statistics.median(a) / statistics.median(b) for a, b in zip(ours, peers, strict=True)]
    p99 = spread(ours).p99 / spread(peers).p99
    return Ratio(statistics.median(ratios), min(ratios), max(ratios), p99)


def _p99(ordered: Sequence[float]) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]


__all__ = ["Block", "Contender", "Ratio", "Rounds", "Spread", "in_python", "measure", "ratio", "sized", "spread"]
