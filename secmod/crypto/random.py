# SPDX-License-Identifier: Apache-2.0
"""Where random numbers come from, and what happens when that goes wrong (SP 800-90B; modelled on class DRG.4 of AIS 20/31)."""

from __future__ import annotations

from enum import IntEnum

from secmod._native import lib
from secmod.crypto.results import failure


class RandomState(IntEnum):
    """State of a vault's generator; nothing random comes out in any but READY.

    ALARM: a health test failed, or the alarm was raised; ends at power-on if the sources are well again.
    REFUSED: that happened a second time; no key of the vault is used again.
    """

    READY = lib.SECMOD_RANDOM_READY
    ALARM = lib.SECMOD_RANDOM_ALARM
    REFUSED = lib.SECMOD_RANDOM_REFUSED


class Source(IntEnum):
    """What seeds are made from, by samples of 8 bits.

    SYSTEM: the operating system's generator.  JITTER: how long walks through memory take, in nanoseconds, modulo 256.
    """

    SYSTEM = lib.SECMOD_SOURCE_SYSTEM
    JITTER = lib.SECMOD_SOURCE_JITTER


def check_samples(source: Source, samples: bytes) -> None:
    """Raise RandomAlarmError if samples of this source fail its health tests: repetition count or adaptive proportion."""
    if code := lib.secmod_health_test(source, samples, len(samples)):
        raise failure(code)


__all__ = ["RandomState", "Source", "check_samples"]
