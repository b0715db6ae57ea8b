# SPDX-License-Identifier: Apache-2.0
"""A record: what is kept of one object.

As octets: generation (8), length of facts (4), facts as JSON, length of data (4), data, and the sealed secret, if there is one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from secmod.apdu import Cursor
from secmod.crypto import Password, PrivateKey
from secmod.errors import StoreDamagedError, TlvError

Fact: TypeAlias = str | int | bool | None


@dataclass(frozen=True, slots=True)
class Record:
    """Facts by name, bytes, and a secret of the vault that the module's records are in; each may be missing."""

    facts: Mapping[str, Fact] = field(default_factory=dict)
    data: bytes = b""
    secret: PrivateKey | Password | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it is stored: written in this generation, its secret sealed."""

    generation: int
    facts: Mapping[str, Fact]
    data: bytes
    sealed: bytes

    def encode(self) -> bytes:
        """The octets."""
        facts = json.dumps(dict(self.facts), sort_keys=True, separators=(",", ":")).encode()
        parts = (self.generation.to_bytes(8), len(facts).to_bytes(4), facts, len(self.data).to_bytes(4), self.data, self.sealed)
        return b"".join(parts)

    @classmethod
    def decode(cls, octets: bytes) -> Stored:
        """What the octets say.  StoreDamagedError if they are no record."""
        cursor = Cursor(octets)
        try:
            generation = cursor.take_int(8)
            facts = json.loads(cursor.take(cursor.take_int(4)))
            data = cursor.take(cursor.take_int(4))
        except (TlvError, ValueError) as error:
            raise StoreDamagedError(f"no record: {error}") from None
        return cls(generation, facts, data, cursor.rest())


__all__ = ["Fact", "Record", "Stored"]
