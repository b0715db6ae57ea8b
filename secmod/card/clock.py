# SPDX-License-Identifier: Apache-2.0
"""Where the module takes time from.

A security module has no clock of its own: it knows the latest date that a certificate it has verified has shown it (the effective
date of TR-03110-3 2.5), and an emulator's host may set the time of day.  Validity is checked against the later of the two.
"""

from __future__ import annotations

from datetime import UTC, datetime

from secmod.card.journal import Durable
from secmod.store import Record


class Clock(Durable):
    """The module's reference time: never earlier than what a verified certificate has proven, None while nothing is known."""

    __slots__ = ("_proven", "_set")

    FIELDS = ("_proven",)

    def __init__(self) -> None:
        super().__init__("clock")
        self._set: datetime | None = None
        self._proven: datetime | None = None

    @property
    def now(self) -> datetime | None:
        """The time that validity is checked against."""
        known = [time for time in (self._set, self._proven) if time is not None]
        return max(known, default=None)

    def within(self, begin: datetime, end: datetime) -> bool:
        """Whether a period of validity (its ends included) can be running now: it has not ended, as far as is known.

        Whether it has begun is known only where the host says what time it is; what certificates prove is a time that has passed.
        """
        now = self.now
        return now is None or (now <= end and (self._set is None or begin <= now))

    def set(self, time: datetime | None) -> None:
        """The host says what time it is (with a time zone, or UTC); None: it does not know any more."""
        if time is not None and time.tzinfo is None:
            time = time.replace(tzinfo=UTC)
        self._set = time

    def prove(self, time: datetime) -> None:
        """A certificate that a CA has issued, and that was verified, became valid at this time: so it is not earlier."""
        if self._proven is None or time > self._proven:
            self.touch()
            self._proven = time

    def forget(self) -> None:
        """No certificate has proven anything; what the host has said stays."""
        self._proven = self.damage = None

    def record(self) -> Record:
        """The date that was proven."""
        return Record({"proven": None if self._proven is None else self._proven.isoformat()})

    def adopt(self, record: Record) -> None:
        """The date that was stored is proven."""
        proven = record.facts["proven"]
        self._proven = None if proven is None else datetime.fromisoformat(str(proven))


__all__ = ["Clock"]
