# SPDX-License-Identifier: Apache-2.0
"""Transparent elementary files (ISO/IEC 7816-4 clause 7.2.2)."""

from __future__ import annotations

import enum
import zlib
from typing import TYPE_CHECKING

from secmod.apdu import SW
from secmod.card.access import Rule, evaluate
from secmod.card.journal import Durable
from secmod.card.lifecycle import FileState
from secmod.errors import CardError
from secmod.store import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secmod.card.objects.directory import Directory
    from secmod.card.security_status import SecurityStatus


class Mode(enum.Enum):
    """What a file is opened for."""

    READ = "read"
    UPDATE = "update"


class Content(Durable):
    """The bytes of a file up to their logical end, with a checksum that tells when they were changed behind our back."""

    __slots__ = ("_checksum", "data")

    FIELDS = ("data", "_checksum")

    def __init__(self, data: bytes, record_name: str | None = None) -> None:
        super().__init__(record_name)
        self.data = data
        self._checksum = zlib.crc32(data)

    @property
    def intact(self) -> bool:
        """Whether the bytes are those that were written."""
        return self.damage is None and zlib.crc32(self.data) == self._checksum

    def write(self, offset: int, data: bytes) -> None:
        """`data` stands at the offset; the logical end moves if it must, and a gap before the offset is zero."""
        self.touch()
        before, after = self.data[:offset].ljust(offset, b"\x00"), self.data[offset + len(data) :]
        spoilt = not self.intact and bool(before or after)
        self.damage = self.damage if spoilt else None
        self.data = before + data + after
        self._checksum = zlib.crc32(self.data) ^ spoilt  # what was damaged and not overwritten stays marked

    def lose(self, reason: str) -> None:
        """There is no byte, and reading says why."""
        super().lose(reason)
        self.data = b""

    def record(self) -> Record:
        """The bytes, and whether some are wrong."""
        return Record({} if self.intact else {"damaged": True}, self.data)

    def adopt(self, record: Record) -> None:
        """The bytes that were stored."""
        self.data = record.data
        self._checksum = zlib.crc32(self.data)
        self.damage = "it was damaged before" if record.facts.get("damaged") else None


class ElementaryFile:
    """A transparent EF of `size` bytes at most; its content is reached by `open` alone."""

    __slots__ = ("_content", "_rules", "directory", "fid", "name", "sfi", "size", "state")

    def __init__(  # noqa: PLR0913  (the fields of ISO's control parameters)
        self,
        *,
        name: str,
        fid: int,
        sfi: int | None,
        size: int,
        content: bytes,
        rules: Mapping[Mode, Rule],
        state: FileState,
        directory: Directory,
    ) -> None:
        self.name = name
        self.fid = fid
        self.sfi = sfi
        self.size = size
        self.state = state
        self.directory = directory
        self._rules = rules
        self._content = Content(content, f"file/{directory.name}/{name}")

    def open(self, mode: Mode, status: SecurityStatus) -> Content:
        """The content, for one command.  Raises CardError 6982 if the rule is not satisfied or the file is not active."""
        if self.state is not FileState.ACTIVE or not evaluate(self._rules[mode], status):
            raise CardError(SW.SECURITY_STATUS, f"{mode.value} {self.name} is not allowed now")
        return self._content

    @property
    def intact(self) -> bool:
        """Whether the checksum over the content is right (FDP_SDI.2), and the store has given it back."""
        return self._content.intact

    @property
    def durable(self) -> Durable:
        """What a store keeps of it."""
        return self._content

    def __repr__(self) -> str:
        return f"<EF {self.name} {self.fid:04X}>"
