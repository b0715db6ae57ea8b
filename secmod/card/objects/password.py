# SPDX-License-Identifier: Apache-2.0
"""PINs and PUKs: a secret in the native vault, a state, and a counter of tries (ISO/IEC 7816-4 clause 9.3.3)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from secmod.apdu import SW
from secmod.card.access import Rule, compile_rule, evaluate
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod import crypto
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


class Content:
    """The secret and how often it may still be tried; `tries` is None if that is not limited."""

    __slots__ = ("_initial", "secret", "state", "tries")

    def __init__(self, initial: int) -> None:
        self._initial = initial or None
        self.secret: crypto.Password | None = None
        self.state = PasswordState.EMPTY
        self.tries = self._initial

    @property
    def blocked(self) -> bool:
        """No try is left."""
        return self.tries == 0

    @property
    def untouched(self) -> bool:
        """No wrong try has been made since the last right one."""
        return self.tries == self._initial

    @property
    def status(self) -> SW:
        """63Cx with the tries left; 6300 if they are not limited."""
        return SW.AUTHENTICATION_FAILED if self.tries is None else SW.retries_left(min(self.tries, _COUNT_SHOWN))

    def count(self) -> None:
        """One try less: called before a comparison, so that no interruption gives a free one.

        Raises CardError 6983 if none is left.
        """
        if self.blocked:
            raise CardError(SW.BLOCKED)
        if self.tries is not None:
            self.tries -= 1

    def restore(self) -> None:
        """All tries are there again."""
        self.tries = self._initial

    def replace(self, secret: crypto.Password, state: PasswordState) -> None:
        """Holds the new secret; the old one is wiped."""
        self.clear()
        self.secret, self.state = secret, state

    def clear(self) -> None:
        """Holds nothing; the secret is wiped."""
        if self.secret is not None:
            self.secret.release()
        self.secret, self.state = None, PasswordState.EMPTY


class Password:
    """A password under its one-byte reference; its content is reached by `open` alone."""

    __slots__ = ("_content", "_rules", "description", "name", "reference")

    def __init__(self, description: model.Password, vault: Vault) -> None:
        self.description = description
        self.name = description.name
        self.reference = description.reference
        self._rules: dict[Use, Rule] = {use: compile_rule(getattr(description, use.value)) for use in Use}
        self._content = Content(description.retries)
        if description.transport is not None:
            self._content.replace(vault.password(description.transport), PasswordState.TRANSPORT)

    def open(self, use: Use, status: SecurityStatus) -> Content:
        """The content, for one command.  Raises CardError 6982 by rule; 6984 if it is empty and the use needs a value."""
        if not evaluate(self._rules[use], status):
            raise CardError(SW.SECURITY_STATUS, f"{use.value} is not allowed with {self.name} now")
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

    def __repr__(self) -> str:
        return f"<password {self.name} {self.reference:02X}>"
