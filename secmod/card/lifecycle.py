# SPDX-License-Identifier: Apache-2.0
"""Life cycle of module, files and keys as tables (ISO/IEC 7816-4 clause 7.4.10, 7816-9; the module's phases from the profile)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from secmod.apdu import SW
from secmod.errors import CardError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secmod.card.security_status import SecurityStatus
    from secmod.profile.model import Phase


class FileState(enum.IntEnum):
    """Life cycle status byte of a file (DO 8A)."""

    ACTIVE = 0x05
    DEACTIVATED = 0x04
    TERMINATED = 0x0C


class KeyState(enum.IntEnum):
    """Life cycle status byte of a key; EMPTY is shown as 00."""

    EMPTY = 0x00
    DEACTIVATED = 0x04
    ACTIVE = 0x05
    TERMINATED = 0x0C


# What selecting a file of this state answers (ISO/IEC 7816-4 table 6).
SELECT_STATUS = {FileState.ACTIVE: SW.OK, FileState.DEACTIVATED: SW.DEACTIVATED, FileState.TERMINATED: SW.TERMINATED}


class Event(enum.Enum):
    """What the parts of a card are told."""

    POWER_ON = "power on"
    POWER_OFF = "power off"
    RESET = "reset"
    PHASE = "phase"


class LifeCycle:
    """The phase of the module, and the hook by which others learn of resets and changes of phase."""

    def __init__(self, phases: Mapping[str, Phase], initial: str, status: SecurityStatus) -> None:
        self._phases = phases
        self._status = status
        self._listeners: list[Callable[[Event], None]] = []
        self._status.phase = initial

    @property
    def phase(self) -> Phase:
        """The phase the module is in."""
        return self._phases[self._status.phase]

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        """`listener` is called with every event, in the order of subscription."""
        self._listeners.append(listener)

    def announce(self, event: Event) -> None:
        """Tells everybody.  Whatever was proven is forgotten, except that a session outlives a change of phase."""
        if event is not Event.PHASE:
            self._status.forget()
        for listener in self._listeners:
            listener(event)

    def enter(self, letter: str) -> None:
        """The module is in phase `letter` afterwards.  Raises CardError 6985 for a phase the profile does not have."""
        if letter not in self._phases:
            raise CardError(SW.CONDITIONS, f"the profile has no phase {letter!r}")
        self._status.phase = letter
        self.announce(Event.PHASE)


__all__ = ["SELECT_STATUS", "Event", "FileState", "KeyState", "LifeCycle"]
