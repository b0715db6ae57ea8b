# SPDX-License-Identifier: Apache-2.0
"""PINs and PUKs: a secret in the native vault, a state, and a counter of tries (ISO/IEC 7816-4 clause 9.3.3)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from secmod import crypto
from secmod.apdu import SW
from secmod.card.access import Rule, compile_rule, evaluate
from secmod.card.journal import Durable
from secmod.errors import CardError
from secmod.store import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from secmod.card.security_status import SecurityStatus
    from secmod.crypto import Vault
    from secmod.profile import model

_COUNT_SHOWN = 15  # 63Cx has one digit


class PasswordState(enum.Enum):
    """What the place of a password holds."""

    EMPTY = "empty"
    TRANSPORT = "transport"
    SET = "set"


class Use(enum.Enum):
    """What a password is opened for."""

    PACE = "pace"
    CHANGE = "change"
    RESET = "reset"
    QUERY = "query"


class Counter(Durable):
    """How many tries are left, None if that is not limited; apart from the secret, which is not sealed anew for each try."""

    __slots__ = ("initial", "left")

    FIELDS = ("left",)

    def __init__(self, initial: int, record_name: str | None = None) -> None:
        super().__init__(record_name)
        self.initial = initial or None
        self.left = self.initial

    def set(self, left: int | None) -> None:
        """So many tries are left."""
        if left != self.left or self.damage is not None:
            self.touch()
            self.left, self.damage = left, None

    def count(self) -> None:
        """One try less, and stored by now."""
        if self.left is not None:
            self.set(self.left - 1)
            if self.journal is not None:
                self.journal.commit()

    def record(self) -> Record:
        """The tries left."""
        return Record({"left": self.left})

    def adopt(self, record: Record) -> None:
        """The tries that were stored are left."""
        left = record.facts["left"]
        if left is not None and not isinstance(left, int):
            raise ValueError("no number of tries")
        self.left = left


class Content(Durable):
    """The secret and how often it may still be tried; `tries` is None if that is not limited."""

    __slots__ = ("counter", "secret", "state")

    FIELDS = ("secret", "state")

    def __init__(self, initial: int, name: str = "") -> None:
        super().__init__(f"password/{name}")
        self.counter = Counter(initial, f"tries/{name}")
        self.secret: crypto.Password | None = None
        self.state = PasswordState.EMPTY

    @property
    def tries(self) -> int | None:
        """The tries left."""
        return self.counter.left

    @property
    def blocked(self) -> bool:
        """No try is left."""
        return self.tries == 0

    @property
    def untouched(self) -> bool:
        """No wrong try has been made since the last right one."""
        return self.counter.left == self.counter.initial

    @property
    def status(self) -> SW:
        """63Cx with the tries left; 6300 if they are not limited."""
        return SW.AUTHENTICATION_FAILED if self.tries is None else SW.retries_left(min(self.tries, _COUNT_SHOWN))

    def count(self) -> None:
        """One try less, and stored: called before a comparison, so that no interruption gives a free one.

        Raises CardError 6983 if none is left, 6581 if it can not be stored.
        """
        if self.blocked:
            raise CardError(SW.BLOCKED)
        self.counter.count()

    def restore(self) -> None:
        """All tries are there again."""
        self.counter.set(self.counter.initial)

    def replace(self, secret: crypto.Password, state: PasswordState) -> None:
        """Holds the new secret; the old one is wiped."""
        self.touch()
        self.dispose(self.secret)
        self.secret, self.state, self.damage = secret, state, None

    def clear(self) -> None:
        """Holds nothing; the secret is wiped."""
        if self.state is PasswordState.EMPTY and self.damage is None:
            return
        self.touch()
        self.dispose(self.secret)
        self.secret, self.state, self.damage = None, PasswordState.EMPTY, None

    def lose(self, reason: str) -> None:
        """Nothing fits."""
        self.clear()
        super().lose(reason)

    def record(self) -> Record:
        """State and secret."""
        return Record({"state": self.state.value}, secret=self.secret)

    def adopt(self, record: Record) -> None:
        """State and secret that were stored."""
        secret = record.secret
        if secret is not None and not isinstance(secret, crypto.Password):
            raise ValueError("no password")
        self.dispose(self.secret)
        self.state, self.secret = PasswordState(record.facts["state"]), secret


class Password:
    """A password under its one-byte reference; its content is reached by `open` alone."""

    __slots__ = ("_content", "_rules", "description", "name", "reference")

    def __init__(self, description: model.Password, vault: Vault) -> None:
        self.description = description
        self.name = description.name
        self.reference = description.reference
        self._rules: dict[Use, Rule] = {use: compile_rule(getattr(description, use.value)) for use in Use}
        self._content = Content(description.retries, description.name)
        if description.transport is not None:
            self._content.replace(vault.password(description.transport), PasswordState.TRANSPORT)

    def open(self, use: Use, status: SecurityStatus) -> Content:
        """The content, for one command.  Raises CardError 6982 by rule; 6984 if it is empty and the use needs a value, 6F00 if
        it, or its counter, is damaged in the store.
        """
        if not evaluate(self._rules[use], status):
            raise CardError(SW.SECURITY_STATUS, f"{use.value} is not allowed with {self.name} now")
        if (damage := self._content.damage or self._content.counter.damage) is not None:
            raise CardError(SW.NO_DIAGNOSIS, f"{self.name} is damaged in the store: {damage}")
        if use in (Use.PACE, Use.QUERY) and self._content.state is PasswordState.EMPTY:
            raise CardError(SW.REFERENCE_UNUSABLE, f"{self.name} has not been set")
        return self._content

    @property
    def proof(self) -> str:
        """The letter that a session opened with the present value proves."""
        description = self.description
        if self._content.state is PasswordState.TRANSPORT and description.transport_session is not None:
            return description.transport_session
        return description.session

    def check_new(self, value: bytes | memoryview) -> None:
        """Raises CardError 6A80 for a length or character that is not allowed, 6985 for a value that is too easy to guess."""
        description = self.description
        if not description.min <= len(value) <= description.max or not set(value) <= set(description.charset):
            raise CardError(SW.WRONG_DATA, f"{self.name} has {description.min} to {description.max} characters of its set")
        if value == description.transport or len(set(value)) == 1:
            raise CardError(SW.CONDITIONS, f"{self.name} may be neither the transport value nor one character repeated")

    def set(self, secret: crypto.Password) -> None:
        """The password has this value, by whatever way."""
        self._content.replace(secret, PasswordState.SET)
        self._content.restore()

    def summary(self) -> tuple[PasswordState, int | None]:
        """State and tries left (None: not limited), for who looks at the card from outside."""
        return self._content.state, self._content.tries

    def wipe(self) -> None:
        """The place is empty: at the end of the module's life."""
        self._content.clear()

    @property
    def durables(self) -> Iterator[Durable]:
        """What a store keeps of it."""
        yield self._content
        yield self._content.counter

    def __repr__(self) -> str:
        return f"<password {self.name} {self.reference:02X}>"
