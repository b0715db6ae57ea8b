# SPDX-License-Identifier: Apache-2.0
"""Places for private keys.  The secrets themselves live in the native vault."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from secmod import crypto
from secmod.apdu import SW
from secmod.card.access import Rule, evaluate
from secmod.card.journal import Durable
from secmod.card.lifecycle import KEY_STEPS, KeyEvent, KeyState
from secmod.errors import CardError
from secmod.store import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secmod.card.security_status import SecurityStatus
    from secmod.crypto import Curve
    from secmod.profile import model


class Operation(enum.Enum):
    """What a key is opened for; signing has a rule for each state of the key."""

    GENERATE = "generate"
    READ_PUBLIC = "read_public"
    SIGN = "sign"
    AGREE = "agree_active"
    ACTIVATE = "activate"
    DEACTIVATE = "deactivate"
    TERMINATE = "terminate"
    DELETE = "delete"


_NEEDS_USABLE = (Operation.SIGN, Operation.AGREE)
_NEEDS_KEY = (*_NEEDS_USABLE, Operation.READ_PUBLIC)


class Content(Durable):
    """What a private key's place holds: a secret, or nothing."""

    __slots__ = ("made_in", "secret", "state")

    FIELDS = ("secret", "state", "made_in")

    def __init__(self, record_name: str | None = None) -> None:
        super().__init__(record_name)
        self.secret: crypto.PrivateKey | None = None
        self.state = KeyState.EMPTY
        self.made_in: str | None = None

    def replace(self, secret: crypto.PrivateKey, state: KeyState, phase: str) -> None:
        """Holds the new secret, made in `phase`; the old one is wiped."""
        self.touch()
        self.dispose(self.secret)
        self.secret, self.state, self.made_in, self.damage = secret, state, phase, None

    def clear(self) -> None:
        """Holds nothing; the secret is wiped."""
        if self.state is KeyState.EMPTY and self.damage is None:
            return
        self.touch()
        self.dispose(self.secret)
        self.secret, self.state, self.made_in, self.damage = None, KeyState.EMPTY, None, None

    def step(self, event: KeyEvent) -> None:
        """The key is in the state that the event leads to; an empty place has no secret any more.

        Raises CardError 6400 if the event leads nowhere: the key is terminated, or there is none.
        """
        following = KEY_STEPS.get((self.state, event))
        if following is None:
            raise CardError(SW.EXECUTION_ERROR, f"{event.value} does nothing to a key that is {self.state.name.lower()}")
        if following is KeyState.EMPTY:
            self.clear()
        elif following is not self.state:
            self.touch()
            self.state = following

    def record(self) -> Record:
        """State, phase of making, and secret."""
        return Record({"state": self.state.name.lower(), "made_in": self.made_in}, secret=self.secret)

    def adopt(self, record: Record) -> None:
        """State, phase of making and secret that were stored."""
        state, secret, made_in = KeyState[str(record.facts["state"]).upper()], record.secret, record.facts["made_in"]
        if (state is KeyState.EMPTY) is not (secret is None) or (
            secret is not None and not isinstance(secret, crypto.PrivateKey)
        ):
            raise ValueError("the secret does not fit the state")
        self.secret, self.state, self.made_in = secret, state, None if made_in is None else str(made_in)


class PrivateKey:
    """A place for a private key, under its one-byte reference."""

    __slots__ = (
        "_content",
        "_rules",
        "_states",
        "algorithms",
        "curve",
        "default_curve",
        "name",
        "reference",
        "state_after_generate",
        "volatile",
    )

    def __init__(  # noqa: PLR0913  (the fields of a profile's entry)
        self,
        *,
        description: model.PrivateKey,
        curve: Curve | None,
        default_curve: Curve,
        rules: Mapping[str, Rule],
        states: Mapping[str, frozenset[KeyState] | None],
        state_after_generate: KeyState,
    ) -> None:
        self.name = description.name
        self.reference = description.reference
        self.algorithms = description.algorithms
        self.volatile = description.volatile
        self.curve = curve
        self.default_curve = default_curve
        self.state_after_generate = state_after_generate
        self._rules = rules
        self._states = states
        self._content = Content(None if self.volatile else f"private_key/{self.name}")

    def open(self, operation: Operation, status: SecurityStatus) -> Content:
        """The content, for one command.

        Raises CardError 6982 if the rule for the operation is not satisfied, 6F00 if the key is damaged in the store (it can only
        be deleted), then 6985 if the key is in a state that the rule
        does not name; where a key is needed, 6400 if the place is empty, and where a usable one is, 6984 if it is terminated.
        """
        content = self._content
        name = operation.value
        if operation is Operation.SIGN:
            name = "sign_deactivated" if content.state is KeyState.DEACTIVATED else "sign_active"
        allowed = evaluate(self._rules[name], status)
        if not allowed or (operation is Operation.AGREE and content.state is KeyState.DEACTIVATED):
            raise CardError(SW.SECURITY_STATUS, f"{name} is not allowed with {self.name} now")
        if content.damage is not None:
            if operation is Operation.DELETE:
                return content
            raise CardError(SW.NO_DIAGNOSIS, f"{self.name} is damaged in the store: {content.damage}")
        states = self._states[name]
        if states is not None and content.state not in states:
            raise CardError(SW.CONDITIONS, f"{name} does not work on {self.name} while it is {content.state.name.lower()}")
        if operation in _NEEDS_KEY and content.state is KeyState.EMPTY:
            raise CardError(SW.EXECUTION_ERROR, f"{self.name} is empty")
        if operation in _NEEDS_USABLE and content.state is KeyState.TERMINATED:
            raise CardError(SW.REFERENCE_UNUSABLE, f"{self.name} is terminated")
        return content

    def change(self, event: KeyEvent, status: SecurityStatus) -> None:
        """The key has taken a step of its life.

        Raises CardError as `open`, 6981 for a volatile key, which can only be deleted, and 6400 if no step leads from its state.
        """
        content = self.open(Operation(event.value), status)
        if self.volatile and event is not KeyEvent.DELETE:
            raise CardError(SW.FILE_STRUCTURE, f"{self.name} lives until it is used")
        content.step(event)

    def meets(self, *, active: bool, made_in: str | None) -> bool:
        """Whether a key is there, active and made in a phase if that is asked."""
        content = self._content
        return (
            content.state is not KeyState.EMPTY
            and (content.state is KeyState.ACTIVE or not active)
            and made_in in (None, content.made_in)
        )

    def wipe(self) -> None:
        """The place is empty and the secret gone: at a reset for volatile keys, and at the end of the module's life."""
        self._content.clear()

    @property
    def durable(self) -> Durable:
        """What a store keeps of it."""
        return self._content

    def summary(self) -> tuple[KeyState, Curve | None, bytes | None]:
        """State, curve and public point, for the inventory; the inventory's own rule guards it."""
        secret = self._content.secret
        if secret is None:
            return self._content.state, None, None
        return self._content.state, secret.curve, secret.public_point

    def __repr__(self) -> str:
        return f"<private key {self.name} {self.reference:02X}>"
