# SPDX-License-Identifier: Apache-2.0
"""What a command handler sees of the card."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from secmod.card.clock import Clock
from secmod.card.journal import Durable, Journal
from secmod.card.lifecycle import Event, FileState, LifeCycle
from secmod.card.objects.select import Selection
from secmod.card.objects.tree import ObjectTree
from secmod.card.security_environment import SecurityEnvironment
from secmod.card.security_status import SecurityStatus
from secmod.crypto import CURVES, Vault, selftest
from secmod.errors import ProfileError, StoreDamagedError, StoreError
from secmod.pace import Suite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secmod.pace import CardEnd
    from secmod.profile import Profile
    from secmod.securemessaging import Session
    from secmod.store import ModuleStore

log = logging.getLogger(__name__)


class CardState:
    """Objects, selections, the session, and what has been proven; a reset leaves the objects alone.

    `pace` is the handshake under way; `alarm` the reason why the card refuses to work with secrets, or None; `close_session`
    ends the session once the answer at hand is protected, and `erase_response` says that its plain form is a secret; `failures`
    counts wrong external authentications in the session; `failing_tests` are the known-answer tests that a fault lets fail.
    """

    __slots__ = (
        "_allow_plain",
        "alarm",
        "algorithms",
        "challenge",
        "clock",
        "close_session",
        "environment",
        "erase_response",
        "failing_tests",
        "failures",
        "journal",
        "lifecycle",
        "pace",
        "security_status",
        "selection",
        "session",
        "session_began",
        "suites",
        "tree",
        "unreadable",
        "vault",
    )

    def __init__(self, profile: Profile, vault: Vault, clock: Clock) -> None:
        self.algorithms = tuple(profile.algorithms.values())
        self.suites = {suite.oid: suite for suite in _suites(profile)}
        self._allow_plain = profile.secure_messaging.allow_plain_data_object
        self.vault = vault
        self.clock = clock
        self.security_status = SecurityStatus(profile.initial_phase)
        self.lifecycle = LifeCycle(profile, self.security_status)
        self.tree = ObjectTree(profile, self.lifecycle, vault)
        self.selection = Selection(self.tree.mf)
        self.environment = SecurityEnvironment()
        self.challenge: bytes | None = None
        self.failures = 0
        self.pace: CardEnd | None = None
        self.session: Session | None = None
        self.session_began = 0.0
        self.close_session = False
        self.erase_response = False
        self.alarm: str | None = None
        self.failing_tests = selftest.NONE
        self.unreadable: str | None = None
        self.journal: Journal | None = None
        self.lifecycle.subscribe(self._on_event)

    def load(self, store: ModuleStore) -> None:
        """Objects, phase and clock are as they were stored, and their changes will be; those that are damaged know it."""
        self.clock.forget()
        try:
            self._adopt(store)
        except StoreError as error:
            log.warning("%s", error)
            self.unreadable = self.lifecycle.damage = str(error)
            return
        if self.lifecycle.phase.terminated:
            self.tree.mf.state = FileState.TERMINATED
        self.journal = Journal(store, self)
        for durable in self._durables():
            durable.journal = self.journal

    def _adopt(self, store: ModuleStore) -> None:
        """Raises StoreError if what the whole module depends on can not be known."""
        durables = {durable.record_name: durable for durable in self._durables()}
        contents = store.load(self.vault)
        where = f"{store.store.path}: module {store.number}"
        if strange := (contents.records.keys() | contents.damaged.keys()) - durables.keys():
            raise StoreDamagedError(f"{where}: nothing in this profile is called {', '.join(sorted(strange))}")
        damaged = dict(contents.damaged)
        for name, record in contents.records.items():
            try:
                durables[name].adopt(record)
            except (KeyError, TypeError, ValueError) as error:
                damaged[name] = f"it is of another kind: {error}"
        for name, reason in damaged.items():
            log.warning("%s: %s is damaged: %s", where, name, reason)
            durables[name].lose(reason)
        if (damage := self.lifecycle.damage or self.clock.damage) is not None:
            raise StoreDamagedError(f"{where}: its phase or its clock is damaged: {damage}")

    def _durables(self) -> Iterator[Durable]:
        yield self.lifecycle
        yield self.clock
        yield from self.tree.durables()

    def volatile(self) -> tuple[Any, ...]:
        """What a command whose changes could not be stored must not have changed either."""
        status, selection = self.security_status, self.selection
        place = (selection.directory, selection.file, self.tree.mf.state)
        return (self.session, self.close_session, set(status.proofs), status.session, *place)

    def put_back(self, volatile: tuple[Any, ...]) -> None:
        """Everything that `volatile` tells is as it was; a session that the command has opened is over."""
        session, close, proofs, opened_by, self.selection.directory, self.selection.file, self.tree.mf.state = volatile
        if self.session is not session:
            self.end_session()
            return
        self.close_session = close
        self.security_status.proofs, self.security_status.session = proofs, opened_by

    def open_session(self, session: Session, proof: str) -> None:
        """The session that a PACE run yielded is open; it proves `proof`."""
        session.allow_plain = self._allow_plain
        self.session = session
        self.close_session = False
        self.session_began = time.monotonic()
        self.security_status.open_session(proof)
        self.failures = 0
        self.close_session = False

    def end_session(self) -> None:
        """Keys, proofs, selections and challenge are gone, and so are ephemeral private keys."""
        self.tree.wipe_ephemeral()
        if self.session is not None:
            self.session.release()
            self.session = None
        self.security_status.forget()
        self.environment.clear()
        self.challenge = None
        self.failures = 0
        self.close_session = False
        self.abort_pace()

    def abort_pace(self) -> None:
        """No handshake is under way, and its selection is gone."""
        if self.pace is not None:
            self.pace.abort()
            self.pace = None
            self.environment.drop_pace()

    def raise_alarm(self, reason: str) -> None:
        """The card works with no secret any more, until a reset finds it well."""
        self.alarm = reason
        self.close_session = True

    def failed_self_tests(self) -> list[str]:
        """Names of the known-answer tests, and of the objects' checksums, that are wrong (PP-0077, FPT_TST.1)."""
        failed = [*selftest.run(fail=self.failing_tests), *self.tree.damaged()]
        return failed if self.unreadable is None else [*failed, self.unreadable]

    def _on_event(self, event: Event) -> None:
        if event is Event.PHASE:
            self.tree.wipe_ephemeral()
            if self.lifecycle.phase.terminated:
                self.tree.terminate()
            return
        self.end_session()
        self.selection.select(self.tree.mf)
        self.tree.wipe_volatile()


def _suites(profile: Profile) -> Iterator[Suite]:
    """The PACE protocols of the profile.  Raises ProfileError for a curve that the core does not have."""
    for entry in profile.pace:
        if entry.curve not in CURVES:
            raise ProfileError(
                f"profile {profile.name}: {entry.name}: no curve {entry.curve!r}; the core has {', '.join(CURVES)}"
            )
        yield Suite(entry.oid, entry.name, CURVES[entry.curve], entry.domain, entry.key_bytes)
