# SPDX-License-Identifier: Apache-2.0
"""The security module: a command APDU in, a response APDU out."""

from __future__ import annotations

import logging
import time
from contextlib import nullcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from secmod.apdu import INS, SW, ChainBuffer, ClassByte, CommandApdu, SecureMessaging
from secmod.card.clock import Clock
from secmod.card.commands import COMMANDS
from secmod.card.dispatch import Chaining, Dispatcher
from secmod.card.facts import facts
from secmod.card.lifecycle import Event
from secmod.card.origin import origin_of
from secmod.card.state import CardState
from secmod.crypto import Vault, erase
from secmod.crypto.selftest import NONE
from secmod.errors import CardError, NoPowerError, PowerLostError, ProfileError, RandomAlarmError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from secmod.card.inside import Inside
    from secmod.profile import Profile
    from secmod.securemessaging import Session
    from secmod.store import ModuleStore

log = logging.getLogger(__name__)

_CHANNEL_OR_SECURITY = 0x7F  # of a class byte: anything but the plain 00 and 80


class Card:
    """A module made from a profile.  One thread at a time.

    Objects live as long as the card, or with a store as long as that; the rest lives until a reset.
    """

    def __init__(
        self,
        profile: Profile,
        protocol: str | None = None,
        *,
        deterministic_seed: bytes | None = None,
        store: ModuleStore | None = None,
    ) -> None:
        """`protocol` is "T0" or "T1", the profile's own if None; raises ProfileError if the profile has no ATR for it.

        With a seed every random number of the card can be foretold: for sessions to be replayed, and nothing else.  With a store
        the module is the one that the store has, or is going to have; StoreProfileError if that was made from another profile.
        """
        transport = profile.transport
        self.protocol = protocol or transport.protocol
        if self.protocol not in transport.atrs:
            known = ", ".join(transport.atrs)
            raise ProfileError(f"profile {profile.name}: [transport.atr] has no entry {self.protocol}; it has {known}")
        self.atr = transport.atrs[self.protocol]
        self.profile_name = profile.name
        self.clock = Clock()
        self._profile = profile
        self._limits = transport
        self._secure_messaging = profile.secure_messaging
        self._dispatcher = _dispatcher(profile)
        self._chain = ChainBuffer(transport.max_command)
        self._phases = profile.phases
        self._powered = False
        self._store = store
        self._awake = store is None
        self._failing_tests = NONE  # a fault outlives a loss of power
        self._state: CardState
        self._dispatch: Callable[[CommandApdu, CardState], bytes] = self._dispatcher.dispatch
        if store is None:
            self._state = CardState(profile, Vault(deterministic_seed=deterministic_seed), self.clock)
            return
        if deterministic_seed is not None:
            raise StoreError("a deterministic card can have no store: what it seals could be foretold; leave one of the two out")
        store.enrol(origin_of(profile))
        self._dispatch = self._dispatch_durably

    def prepare(self, phase: str, passwords: Mapping[str, bytes]) -> None:
        """The module is as if it had come to `phase` in its own way, with these passwords by name: for tests.

        Raises ProfileError for a phase or password that the profile does not have.
        """
        self._wake()
        state = self._state
        by_name = {password.name: password for password in state.tree.passwords.values()}
        for name in passwords:
            if name not in by_name:
                raise ProfileError(f"profile {self.profile_name} has no password {name!r}; it has {', '.join(by_name) or 'none'}")
        if phase not in self._phases:
            raise ProfileError(f"profile {self.profile_name} has no phase {phase!r}; it has {', '.join(self._phases)}")
        with nullcontext() if state.journal is None else state.journal.kept():
            for name, value in passwords.items():
                by_name[name].set(state.vault.password(value))
            state.lifecycle.enter(phase)

    def snapshot(self, name: str) -> None:
        """The module, as its store has it now, can be brought back under this name.  StoreError if it has no store."""
        self._its_store().snapshot(name)

    def restore(self, name: str) -> None:
        """The module is as it was at the snapshot, and has no power; to be called while nobody sends it commands.

        StoreError if there is no such snapshot, or no store.
        """
        store = self._its_store()
        store.restore(name)
        self._lose_power()

    def _its_store(self) -> ModuleStore:
        if self._store is None:
            raise StoreError("this card has no store; start the emulator with `secmod serve --store DIRECTORY`")
        return self._store

    def facts(self) -> dict[str, Any]:
        """What can be told of the card (`secmod.card.facts`), with its profile and whether it has power; no secret."""
        asleep = not self._awake
        self._wake()
        told = {"profile": self.profile_name, "powered": self._powered, **facts(self._state)}
        if asleep:
            self._sleep()
        return told

    def inside(self) -> Inside:
        """The card opened, for faults (`secmod.card.inside`)."""
        from secmod.card.inside import Inside  # noqa: PLC0415 - not on the way of cards without faults

        return Inside(self)

    def _opened(self) -> CardState:
        """The state as it is now: a card with a store has another one each time it gets power."""
        self._wake()
        return self._state

    def power_on(self) -> bytes:
        """The card has power, and nothing is selected or proven; returns the ATR (2 to 33 bytes)."""
        self._wake()
        self._powered = True
        self._announce(Event.POWER_ON)
        self._start()
        return self.atr

    def power_off(self) -> None:
        """The card has no power; what lives in RAM is gone."""
        self._powered = False
        if self._awake:
            self._announce(Event.POWER_OFF)
            self._sleep()

    def _wake(self) -> None:
        """Objects and vault are there; with a store, as it has them."""
        if not self._awake and self._store is not None:
            self._state = CardState(self._profile, Vault(), self.clock)
            self._state.load(self._store)
            self._state.failing_tests = self._failing_tests
            self._awake = True

    def _sleep(self) -> None:
        """What the store has too is in no memory any more; without a store it stays."""
        if self._store is not None:
            self._awake = False
            self._failing_tests = self._state.failing_tests
            self._state.vault.close()
            self.clock.journal = None
            del self._state
            self._store.unload()

    def _lose_power(self) -> None:
        """The power went at any moment: nothing is tidied up."""
        self._powered = False
        self._chain.clear()
        if self._awake:
            self._sleep()

    def reset(self) -> bytes:
        """As after power-on; returns the ATR.  Raises NoPowerError if the card has no power."""
        self._require_power()
        self._announce(Event.RESET)
        self._start()
        return self.atr

    def transmit(self, command: bytes) -> bytes:
        """The response to any bytes: data and status word, at least 2 bytes.  Raises NoPowerError alone."""
        self._require_power()
        state = self._state
        if state.session is None:
            return self._answer(self._receive, command)
        if self._session_is_over(command):
            state.end_session()
            return self._answer(self._receive, command)
        return self._transmit_protected(command, state.session)

    def _answer(self, work: Callable[[Any], bytes], subject: Any) -> bytes:
        """What `work` makes of its subject, or the status word that it ends with."""
        try:
            return work(subject)
        except CardError as error:
            log.debug("%04X %s", error.sw, error)
            sw = error.sw
            if sw == SW.SECURITY_STATUS and self._state.lifecycle.phase.terminated:
                sw = SW.INS_NOT_SUPPORTED
            return sw.to_bytes(2)
        except RandomAlarmError as error:
            log.warning("alarm: %s", error)
            self._state.raise_alarm(str(error))
        except PowerLostError:
            raise
        except Exception:
            header = bytes(subject[:4]).hex() if isinstance(subject, bytes) else repr(subject)
            log.exception("%s ended in an unexpected exception", header)
        return int(SW.NO_DIAGNOSIS).to_bytes(2)

    def _receive(self, raw: bytes) -> bytes:
        """A command that came in plain."""
        self._check_length(raw)
        try:
            apdu = CommandApdu.parse(raw)
        except CardError:
            self._state.abort_pace()
            raise
        if apdu.cla & _CHANNEL_OR_SECURITY:
            self._check_class(apdu)
        return self._execute(apdu)

    def _transmit_protected(self, raw: bytes, session: Session) -> bytes:
        """A command under secure messaging: whatever is wrong with its protection ends the session, in plain."""
        state = self._state
        try:
            self._check_length(raw)
            self._check_channel(ClassByte.decode(raw[0]))
            apdu = session.unprotect(raw)
            state.security_status.protected = True
            state.erase_response = False
            response = self._answer(self._execute, apdu)
            state.security_status.protected = False
            answer = session.protect(response, odd=bool(apdu.ins & 1))
            if state.erase_response:
                erase(response)
        except CardError as error:
            log.debug("the session ends: %04X %s", error.sw, error)
            answer = error.sw.to_bytes(2)
            state.close_session = True
        except PowerLostError:
            raise
        except Exception:
            log.exception("secure messaging around %s failed", raw[:4].hex())
            answer = int(SW.NO_DIAGNOSIS).to_bytes(2)
            state.close_session = True
        if state.close_session:
            state.end_session()
            self._chain.clear()
        return answer

    def _session_is_over(self, raw: bytes) -> bool:
        """A command in plain ends the session, and so does its age."""
        if not raw or not ClassByte.decode(raw[0]).secure:
            return True
        limit = self._secure_messaging.max_age
        return bool(limit) and time.monotonic() - self._state.session_began > limit

    def _execute(self, apdu: CommandApdu) -> bytes:
        if apdu.extended and not self._limits.extended_length:
            raise CardError(SW.WRONG_LENGTH, "this card has no extended length")
        if self._state.pace is not None and apdu.ins != INS.GENERAL_AUTHENTICATE:
            self._state.abort_pace()
        if apdu.chaining:
            chaining = self._dispatcher.chaining(apdu)
            if chaining is Chaining.NONE:
                self._chain.clear()
                raise CardError(SW.CHAINING_NOT_SUPPORTED)
            if chaining is Chaining.STEPS:
                self._chain.clear()
                return self._dispatch(apdu, self._state)
        if apdu.chaining or self._chain.is_open:
            whole = self._chain.push(apdu)
            if whole is None:
                return int(SW.OK).to_bytes(2)
            apdu = whole
        return self._dispatch(apdu, self._state)

    def _dispatch_durably(self, apdu: CommandApdu, state: CardState) -> bytes:
        """The same with a store: what the command has changed is stored before its answer is known to anybody."""
        journal = state.journal
        if journal is None:
            return self._dispatcher.dispatch(apdu, state)
        journal.begin()
        try:
            response = self._dispatcher.dispatch(apdu, state)
            if journal.dirty:
                journal.commit()
        except PowerLostError:
            self._lose_power()
            raise
        except BaseException:
            journal.cancel()
            raise
        finally:
            journal.end()
        return response

    def _check_length(self, raw: bytes) -> None:
        if len(raw) > self._limits.max_command:
            raise CardError(SW.WRONG_LENGTH, f"a command has at most {self._limits.max_command} bytes")

    def _check_class(self, apdu: CommandApdu) -> None:
        if apdu.secure is SecureMessaging.STANDARD_WITH_HEADER and self._state.suites:
            raise CardError(SW.SM_OBJECT_WRONG, "no session is open")
        if apdu.secure:
            raise CardError(SW.SM_NOT_SUPPORTED)
        self._check_channel(apdu.class_byte)

    @staticmethod
    def _check_channel(cla: ClassByte) -> None:
        if cla.channel:
            raise CardError(SW.CHANNEL_NOT_SUPPORTED, f"logical channel {cla.channel} is not open")

    def _start(self) -> None:
        """The generator is seeded anew and the self-tests have run; what fails leaves the card in its alarm state."""
        state = self._state
        state.alarm = None
        try:
            state.vault.power_on()
            failed = state.failed_self_tests()
        except RandomAlarmError as error:
            failed = [str(error)]
        if failed:
            log.warning("alarm at power-on: %s", ", ".join(failed))
            state.raise_alarm(", ".join(failed))

    def _announce(self, event: Event) -> None:
        self._chain.clear()
        self._state.lifecycle.announce(event)

    def _require_power(self) -> None:
        if not self._powered:
            raise NoPowerError("the card has no power; call power_on first")


@lru_cache(maxsize=8)
def _dispatcher(profile: Profile) -> Dispatcher:
    """What all cards of a profile share: it knows nothing of any of them."""
    return Dispatcher(COMMANDS, profile)


__all__ = ["Card"]
