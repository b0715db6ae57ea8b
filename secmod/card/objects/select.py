# SPDX-License-Identifier: Apache-2.0
"""Finding files, and describing what was found (ISO/IEC 7816-4 clauses 7.3 and 7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import SW, FcpTag, Tlv
from secmod.card.objects.directory import Directory
from secmod.errors import CardError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from secmod.card.objects.file import ElementaryFile
    from secmod.card.objects.tree import ObjectTree

MF = 0x3F00

_BY_SFI = 0x80
_LAST_SFI = 30
# P1 of READ and UPDATE BINARY with an even instruction: an offset's high byte, or 80 + SFI.
PLACES = frozenset((*range(_BY_SFI), *range(_BY_SFI, _BY_SFI + _LAST_SFI + 1)))

_DIRECTORY_DESCRIPTOR = 0x78  # DF, shareable
_TRANSPARENT_DESCRIPTOR = 0x41  # transparent working EF, shareable


class Selection:
    """The current DF and, if one is selected, the current EF."""

    __slots__ = ("directory", "file")

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.file: ElementaryFile | None = None

    def select(self, found: Directory | ElementaryFile) -> None:
        """`found` is current; an EF brings its DF along, a DF leaves no EF current."""
        if isinstance(found, Directory):
            self.directory, self.file = found, None
        else:
            self.directory, self.file = found.directory, found

    @property
    def current(self) -> Directory | ElementaryFile:
        """The current EF, or else the current DF."""
        return self.file or self.directory

    def current_file(self) -> ElementaryFile:
        """The current EF.  Raises CardError 6986 if none is."""
        if self.file is None:
            raise CardError(SW.NO_CURRENT_EF)
        return self.file

    def file_by_sfi(self, sfi: int) -> ElementaryFile:
        """The EF of the current DF with this short identifier, 0 to 30; 0 is the current EF.  Raises CardError 6A82, 6986."""
        if sfi == 0:
            return self.current_file()
        file = self.directory.file_by_sfi(sfi)
        if file is None:
            raise CardError(SW.FILE_NOT_FOUND, f"no file with short identifier {sfi:02X}")
        return file

    def place(self, p1: int, p2: int) -> tuple[ElementaryFile, int]:
        """The EF and the offset that P1-P2 of an even instruction mean: 15 bits in the current EF, or 80 + SFI and 8 bits."""
        if p1 & _BY_SFI:
            return self.file_by_sfi(p1 & 0x1F), p2
        return self.current_file(), p1 << 8 | p2

    def file_by_parameters(self, p1: int, p2: int) -> ElementaryFile:
        """The EF that P1-P2 of an odd instruction mean: 0000 or an SFI in the low five bits, or a file identifier."""
        if p1 == 0 and p2 <= _LAST_SFI:
            return self.file_by_sfi(p2)
        fid = p1 << 8 | p2
        file = next((file for file in self.directory.files if file.fid == fid), None)
        if file is None:
            raise CardError(SW.FILE_NOT_FOUND, f"no file {fid:04X} in the current DF")
        return file


def by_identifier(tree: ObjectTree, current: Directory, fid: int) -> list[Directory | ElementaryFile]:
    """Files with this identifier: the MF, children of the current DF, its parent, the parent's children, in this order."""
    if fid == MF:
        return [tree.mf]
    parent = current.parent
    places: list[Directory | ElementaryFile] = [*current.children]
    if parent is not None:
        places += [parent, *parent.children]
    return _with_fid(places, fid)


def child_directory(current: Directory, fid: int) -> list[Directory | ElementaryFile]:
    """DFs directly in the current DF."""
    return _with_fid(current.directories, fid)


def child_file(current: Directory, fid: int) -> list[Directory | ElementaryFile]:
    """EFs directly in the current DF."""
    return _with_fid(current.files, fid)


def parent_directory(current: Directory) -> list[Directory | ElementaryFile]:
    """The DF above the current one; the MF has none."""
    return [] if current.parent is None else [current.parent]


def by_name(tree: ObjectTree, name: bytes) -> list[Directory | ElementaryFile]:
    """DFs whose AID is `name`, then those whose AID starts with it; an empty name is the MF."""
    if not name:
        return [tree.mf]
    matching = (directory for directory in tree.directories if directory.aid.startswith(name))
    return [*sorted(matching, key=lambda directory: directory.aid != name)]


def by_path(start: Directory, path: Sequence[int]) -> list[Directory | ElementaryFile]:
    """The file at the end of a path of identifiers below `start`."""
    directory = start
    for fid in path[:-1]:
        found = _with_fid(directory.directories, fid)
        if not found:
            return []
        directory = found[0]  # type: ignore[assignment]  # _with_fid keeps the kind
    return _with_fid(directory.children, path[-1])


def _with_fid(places: Iterable[Directory | ElementaryFile], fid: int) -> list[Directory | ElementaryFile]:
    return [place for place in places if place.fid == fid]


def occurrence(
    found: Sequence[Directory | ElementaryFile], current: Directory | ElementaryFile, which: int
) -> Directory | ElementaryFile:
    """The first (0), last (1), next (2) or previous (3) of what was found, seen from the current file.

    Raises CardError 6A82 if there is none.
    """
    position = next((index for index, file in enumerate(found) if file is current), None)
    if which in (0, 1) and found:
        return found[0] if which == 0 else found[-1]
    # Next without a match so far starts at the first, previous at the last.
    if which == 2 and found:
        following = 0 if position is None else position + 1
        if following < len(found):
            return found[following]
    if which == 3 and found:
        preceding = len(found) - 1 if position is None else position - 1
        if preceding >= 0:
            return found[preceding]
    raise CardError(SW.FILE_NOT_FOUND)


def control_parameters(file: Directory | ElementaryFile) -> bytes:
    """The content of an FCP template (without the outer tag 62)."""
    if isinstance(file, Directory):
        parts = [
            Tlv(FcpTag.FILE_DESCRIPTOR, bytes([_DIRECTORY_DESCRIPTOR])),
            Tlv(FcpTag.FILE_IDENTIFIER, file.fid.to_bytes(2)),
            Tlv(FcpTag.DF_NAME, file.aid),
        ]
    else:
        parts = [
            Tlv(FcpTag.DATA_SIZE, file.size.to_bytes(max(2, (file.size.bit_length() + 7) // 8))),
            Tlv(FcpTag.FILE_DESCRIPTOR, bytes([_TRANSPARENT_DESCRIPTOR])),
            Tlv(FcpTag.FILE_IDENTIFIER, file.fid.to_bytes(2)),
            Tlv(FcpTag.SHORT_FILE_IDENTIFIER, b"" if file.sfi is None else bytes([file.sfi << 3])),
        ]
    parts.append(Tlv(FcpTag.LIFE_CYCLE_STATUS, bytes([file.state])))
    return b"".join(part.encode() for part in parts)


def management_data(file: Directory | ElementaryFile) -> bytes:
    """The content of an FMD template (without the outer tag 64): the DF name."""
    return Tlv(FcpTag.DF_NAME, file.aid).encode() if isinstance(file, Directory) else b""
