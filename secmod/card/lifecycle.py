# SPDX-License-Identifier: Apache-2.0
"""Life cycle of module, files and keys as tables (ISO/IEC 7816-4 clause 7.4.10, 7816-9; the module's phases from the profile)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from secmod.apdu import SW
from secmod.card.journal import Durable
from secmod.errors import CardError
from secmod.store import Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from secmod.card.security_status import SecurityStatus
    from secmod.profile.model import Phase, Profile, Requirement


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


class KeyEvent(enum.Enum):
    """What the life cycle commands do to a key (ISO/IEC 7816-9)."""

    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    TERMINATE = "terminate"
    DELETE = "delete"


# A state that is reached already is reached again; a pair that is not here is refused with 6400.
KEY_STEPS = {
    (KeyState.DEACTIVATED, KeyEvent.ACTIVATE): KeyState.ACTIVE,
    (KeyState.ACTIVE, KeyEvent.ACTIVATE): KeyState.ACTIVE,
    (KeyState.ACTIVE, KeyEvent.DEACTIVATE): KeyState.DEACTIVATED,
    (KeyState.DEACTIVATED, KeyEvent.DEACTIVATE): KeyState.DEACTIVATED,
    (KeyState.DEACTIVATED, KeyEvent.TERMINATE): KeyState.TERMINATED,
    (KeyState.ACTIVE, KeyEvent.TERMINATE): KeyState.TERMINATED,
    (KeyState.TERMINATED, KeyEvent.TERMINATE): KeyState.TERMINATED,
    (KeyState.EMPTY, KeyEvent.DELETE): KeyState.EMPTY,
    (KeyState.DEACTIVATED, KeyEvent.DELETE): KeyState.EMPTY,
    (KeyState.ACTIVE, KeyEvent.DELETE): KeyState.EMPTY,
    (KeyState.TERMINATED, KeyEvent.DELETE): KeyState.EMPTY,
}


class Target(enum.IntEnum):
    """What the life cycle commands work on, their P1 (gemSpec_COS)."""

    FILE = 0x00
    PASSWORD = 0x10
    PRIVATE_KEY = 0x20
    PUBLIC_KEY = 0x21


# What selecting a file of this state answers (ISO/IEC 7816-4 table 6).
SELECT_STATUS = {FileState.ACTIVE: SW.OK, FileState.DEACTIVATED: SW.DEACTIVATED, FileState.TERMINATED: SW.TERMINATED}


class Event(enum.Enum):
    """What the parts of a card are told."""

    POWER_ON = "power on"
    POWER_OFF = "power off"
    RESET = "reset"
    PHASE = "phase"


class LifeCycle(Durable):
    """The phase of the module, its steps, and the hook by which others learn of resets and changes of phase."""

    __slots__ = ("_listeners", "_phases", "_status", "_transitions")

    def __init__(self, profile: Profile, status: SecurityStatus) -> None:
        super().__init__("phase")
        self._phases = profile.phases
        self._transitions = profile.transitions
        self._status = status
        self._listeners: list[Callable[[Event], None]] = []
        self._status.phase = profile.initial_phase

    @property
    def phase(self) -> Phase:
        """The phase the module is in."""
        return self._phases[self._status.phase]

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        """`listener` is called with every event, in the order of subscription."""
        self._listeners.append(listener)

    def announce(self, event: Event) -> None:
        """Tells everybody.  Whatever was proven is forgotten; a change of phase leaves what opened the session."""
        if event is Event.PHASE:
            self._status.forget_roles()
        else:
            self._status.forget()
        for listener in self._listeners:
            listener(event)

    def phase_of(self, code: int) -> Phase | None:
        """The phase with this code."""
        return next((phase for phase in self._phases.values() if phase.code == code), None)

    def step(self, trigger: str, satisfied: Callable[[Requirement], bool], target: str | None = None) -> None:
        """The module has taken the step of the table that `trigger` takes from this phase, to `target` if that is named.

        Raises CardError 6985 if there is none, or if what it requires is not there.
        """
        for transition in self._transitions:
            if (
                transition.by == trigger
                and self._status.phase in transition.origins
                and (target is None or transition.target == target)
                and all(map(satisfied, transition.requires))
            ):
                self.enter(transition.target)
                return
        raise CardError(SW.CONDITIONS, f"no step leads from phase {self._status.phase} by {trigger} now")

    def has_step(self, trigger: str) -> bool:
        """Whether `trigger` can take a step from this phase."""
        return any(entry.by == trigger and self._status.phase in entry.origins for entry in self._transitions)

    def enter(self, letter: str) -> None:
        """The module is in phase `letter` afterwards, by whatever way."""
        self.touch()
        self._status.phase = letter
        self.announce(Event.PHASE)

    def record(self) -> Record:
        """The letter of the phase."""
        return Record({"letter": self._status.phase})

    def adopt(self, record: Record) -> None:
        """The module is in the phase that was stored, and nobody is told."""
        letter = str(record.facts["letter"])
        if letter not in self._phases:
            raise ValueError(f"the profile has no phase {letter!r}")
        self._status.phase = letter

    def memento(self) -> tuple[Any, ...]:
        """The phase, which the security status keeps."""
        return (*super().memento(), self._status.phase)

    def put_back(self, memento: tuple[Any, ...]) -> None:
        """The phase is what it was."""
        *fields, self._status.phase = memento
        super().put_back(tuple(fields))


def refuse_change(fixed: object) -> NoReturn:
    """Files and passwords are part of the profile: no rule lets them be activated, deactivated, terminated or deleted.

    Raises CardError 6982.
    """
    raise CardError(SW.SECURITY_STATUS, f"{fixed!r} stays as the profile has made it")


__all__ = ["KEY_STEPS", "SELECT_STATUS", "Event", "FileState", "KeyEvent", "KeyState", "LifeCycle", "Target", "refuse_change"]
