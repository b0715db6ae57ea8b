# SPDX-License-Identifier: Apache-2.0
"""Dedicated files (ISO/IEC 7816-4 clause 7.2.1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secmod.card.lifecycle import FileState
    from secmod.card.objects.file import ElementaryFile


@dataclass(eq=False, slots=True)
class Directory:
    """A DF: identifier (2 bytes), name (AID, 5 to 16 bytes), and the files in it.  The MF has no parent."""

    name: str
    fid: int
    aid: bytes
    state: FileState
    parent: Directory | None
    directories: list[Directory] = field(default_factory=list)
    files: list[ElementaryFile] = field(default_factory=list)

    @property
    def children(self) -> list[Directory | ElementaryFile]:
        """Everything directly in this DF."""
        return [*self.directories, *self.files]

    def file_by_sfi(self, sfi: int) -> ElementaryFile | None:
        """The EF of this DF with the short identifier, 1 to 30."""
        return next((file for file in self.files if file.sfi == sfi), None)

    def __repr__(self) -> str:
        return f"<DF {self.name} {self.fid:04X}>"
