# SPDX-License-Identifier: Apache-2.0
"""Places for public keys of others: trust anchors, authorities, partners."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import SW
from secmod.card.access import Rule, evaluate
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.card.security_status import SecurityStatus
    from secmod.crypto import Curve


class PublicKey:
    """A place for a public key, under its one-byte reference."""

    __slots__ = ("_curve", "_point", "_verify", "name", "reference", "volatile")

    def __init__(  # noqa: PLR0913  (the fields of a profile's entry)
        self, *, name: str, reference: int, volatile: bool, verify: Rule, curve: Curve | None, point: bytes | None
    ) -> None:
        self.name = name
        self.reference = reference
        self.volatile = volatile
        self._verify = verify
        self._curve = curve
        self._point = point

    def open(self, status: SecurityStatus) -> tuple[Curve, bytes]:
        """Curve and point, to verify a signature with.  Raises CardError 6982 by rule, 6400 if the place is empty."""
        if not evaluate(self._verify, status):
            raise CardError(SW.SECURITY_STATUS, f"verifying with {self.name} is not allowed now")
        if self._curve is None or self._point is None:
            raise CardError(SW.EXECUTION_ERROR, f"{self.name} is empty")
        return self._curve, self._point

    def summary(self) -> tuple[Curve | None, bytes | None]:
        """Curve and point, for the inventory; the inventory's own rule guards it."""
        return self._curve, self._point

    def __repr__(self) -> str:
        return f"<public key {self.name} {self.reference:02X}>"
