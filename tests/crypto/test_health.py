# SPDX-License-Identifier: Apache-2.0
"""The health tests of SP 800-90B: their cutoffs follow from the claimed entropy, and they fail exactly there."""

from __future__ import annotations

import math
from itertools import cycle, islice

import pytest

from secmod.crypto import Vault
from secmod.crypto.random import Source, check_samples
from secmod.errors import CryptoError, RandomAlarmError

ALPHA = 2.0**-30
WINDOW = 512
CLAIMED = {Source.SYSTEM: 6.0, Source.JITTER: 0.5}  # bits of min-entropy in a sample


def repetition_cutoff(entropy: float, alpha: float = ALPHA) -> int:
    """SP 800-90B clause 4.4.1."""
    return 1 + math.ceil(-math.log2(alpha) / entropy)


def proportion_cutoff(entropy: float, alpha: float = ALPHA, window: int = WINDOW) -> int:
    """SP 800-90B clause 4.4.2: 1 + critbinom(window, 2^-entropy, 1 - alpha)."""
    p, tail, count = 2.0**-entropy, 0.0, window
    while count >= 0:
        tail += math.comb(window, count) * p**count * (1 - p) ** (window - count)
        if tail > alpha:
            return 1 + count
        count -= 1
    raise AssertionError


@pytest.mark.parametrize(
    ("entropy", "alpha", "repetition", "proportion"),
    [
        (0.5, 2**-20, 41, 410),
        (0.5, 2**-30, 61, 422),
        (1, 2**-30, 31, 325),
        (2, 2**-30, 16, 190),
        (6, 2**-20, 5, 25),
        (6, 2**-30, 6, 31),
        (8, 2**-30, 5, 16),
    ],
)
def test_the_formulas_give_the_published_table(entropy: float, alpha: float, repetition: int, proportion: int):
    assert repetition_cutoff(entropy, alpha) == repetition
    assert proportion_cutoff(entropy, alpha) == proportion


def others(count: int) -> bytes:
    """Values that are not 0, none twice in a row."""
    return bytes(islice(cycle(range(1, 256)), count))


def with_zeroes(count: int, run: int) -> bytes:
    """A window that starts with 0 and has `count` of it, never more than `run` in a row."""
    out = bytearray()
    for number, value in zip(range(count), others(count), strict=True):
        out.append(0)
        if number % run == run - 1:
            out.append(value)
    assert len(out) <= WINDOW
    return bytes(out) + others(WINDOW - len(out))


def fails(source: Source, samples: bytes) -> bool:
    try:
        check_samples(source, samples)
    except RandomAlarmError:
        return True
    return False


@pytest.mark.parametrize("source", Source)
def test_a_value_may_come_one_time_less_than_the_cutoff_in_a_row(source: Source):
    cutoff = repetition_cutoff(CLAIMED[source])
    assert not fails(source, others(100) + bytes(cutoff - 1) + others(100))
    assert fails(source, others(100) + bytes(cutoff) + others(100))


@pytest.mark.parametrize("source", Source)
def test_a_window_may_have_its_first_value_one_time_less_than_the_cutoff(source: Source):
    cutoff, run = proportion_cutoff(CLAIMED[source]), repetition_cutoff(CLAIMED[source]) - 2
    assert not fails(source, with_zeroes(cutoff - 1, run))
    assert fails(source, with_zeroes(cutoff, run))
    assert fails(source, others(WINDOW) + with_zeroes(cutoff, run))
    assert not fails(source, others(WINDOW // 2) + with_zeroes(cutoff, run))  # split over two windows


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("value", [0, 1, 255])
def test_a_stuck_source_fails(source: Source, value: int):
    assert fails(source, bytes([value]) * 1024)


def test_good_samples_pass(vault: Vault):
    for source in Source:
        check_samples(source, vault.random(1 << 17))
        check_samples(source, b"")


def test_a_biased_system_source_fails_where_a_timer_would_pass(vault: Vault):
    biased = bytes(value if value > 64 else 0 for value in vault.random(1 << 14))  # a quarter is 0: 2 bits
    assert fails(Source.SYSTEM, biased)
    assert not fails(Source.JITTER, biased)


def test_an_unknown_source_is_refused():
    with pytest.raises(CryptoError, match="option"):
        check_samples(2, b"")  # type: ignore[arg-type]
