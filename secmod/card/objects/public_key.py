# SPDX-License-Identifier: Apache-2.0
"""Places for public keys of others: trust anchors, authorities, partners."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from secmod.apdu import SW
from secmod.card.access import Rule, compile_rule, evaluate
from secmod.card.certificate import ImportedKey
from secmod.card.journal import Durable
from secmod.crypto import CURVES
from secmod.errors import CardError
from secmod.store import Record

if TYPE_CHECKING:
    from secmod.card.security_status import SecurityStatus
    from secmod.crypto import Curve
    from secmod.profile import model


class Use(enum.Enum):
    """What a public key is opened for."""

    VERIFY = "verify"
    EXTERNAL_AUTHENTICATE = "external_authenticate"
    IMPORT = "import_"
    DELETE = "delete"


_NEEDS_KEY = (Use.VERIFY, Use.EXTERNAL_AUTHENTICATE)


class Content(Durable):
    """What a public key's place holds: a bare key, a certified one, or nothing."""

    __slots__ = ("certified", "curve", "point")

    FIELDS = ("curve", "point", "certified")

    def __init__(self, curve: Curve | None, point: bytes | None, record_name: str | None = None) -> None:
        super().__init__(record_name)
        self.curve = curve
        self.point = point
        self.certified: ImportedKey | None = None

    @property
    def empty(self) -> bool:
        """There is no key."""
        return self.point is None

    @property
    def key(self) -> tuple[Curve, bytes]:
        """Curve and point (1 + 2L bytes).  Raises CardError 6400 if the place is empty."""
        if self.curve is None or self.point is None:
            raise CardError(SW.EXECUTION_ERROR, "the public key is empty")
        return self.curve, self.point

    def replace(self, certified: ImportedKey) -> None:
        """Holds the key of a verified certificate."""
        self.touch()
        self.curve, self.point, self.certified, self.damage = certified.curve, certified.point, certified, None

    def clear(self) -> None:
        """Holds nothing."""
        if self.empty and self.damage is None:
            return
        self.touch()
        self.curve = self.point = self.certified = self.damage = None

    def lose(self, reason: str) -> None:
        """There is no key."""
        self.clear()
        super().lose(reason)

    def record(self) -> Record:
        """Curve, point and what the certificate said."""
        if self.curve is None or self.point is None:
            return Record({"curve": None})
        certified = {} if self.certified is None else self.certified.facts()
        return Record({"curve": self.curve.name, "certified": self.certified is not None, **certified}, self.point)

    def adopt(self, record: Record) -> None:
        """Curve, point and certificate that were stored."""
        facts, curve = record.facts, record.facts["curve"]
        self.curve, self.point, self.certified = None, None, None
        if curve is not None:
            self.curve, self.point = CURVES[str(curve)], record.data
            self.certified = ImportedKey.of(self.curve, self.point, facts) if facts["certified"] else None


class PublicKey:
    """A place for a public key under its one-byte reference; its content is reached by `open` alone."""

    __slots__ = ("_content", "_rules", "description", "name", "reference", "volatile")

    def __init__(self, description: model.PublicKey, curve: Curve | None) -> None:
        self.description = description
        self.name = description.name
        self.reference = description.reference
        self.volatile = description.volatile
        self._rules: dict[Use, Rule] = {use: compile_rule(getattr(description, use.value)) for use in Use}
        self._content = Content(curve, description.point, None if self.volatile else f"public_key/{self.name}")

    def open(self, use: Use, status: SecurityStatus) -> Content:
        """The content, for one command.

        Raises CardError 6982 by rule, 6F00 if it is damaged in the store and not to be replaced or deleted, and 6400 if a key is
        needed and the place is empty.
        """
        if not evaluate(self._rules[use], status):
            raise CardError(SW.SECURITY_STATUS, f"{use.name.lower()} is not allowed with {self.name} now")
        if use not in _NEEDS_KEY:
            return self._content
        if self._content.damage is not None:
            raise CardError(SW.NO_DIAGNOSIS, f"{self.name} is damaged in the store: {self._content.damage}")
        if self._content.empty:
            raise CardError(SW.EXECUTION_ERROR, f"{self.name} is empty")
        return self._content

    @property
    def authenticates(self) -> bool:
        """The profile lets this key authenticate somebody."""
        return bool(self._rules[Use.EXTERNAL_AUTHENTICATE])

    @property
    def present(self) -> bool:
        """A key is there."""
        return not self._content.empty and self._content.damage is None

    def wipe(self) -> None:
        """The place is empty."""
        self._content.clear()

    @property
    def durable(self) -> Durable:
        """What a store keeps of it."""
        return self._content

    def summary(self) -> tuple[Curve | None, bytes | None]:
        """Curve and point, for the inventory; the inventory's own rule guards it."""
        return self._content.curve, self._content.point

    def __repr__(self) -> str:
        return f"<public key {self.name} {self.reference:02X}>"
