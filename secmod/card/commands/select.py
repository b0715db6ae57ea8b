# SPDX-License-Identifier: Apache-2.0
"""SELECT (ISO/IEC 7816-4 clause 11.2.2): makes a file current and describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS, SW, ResponseApdu, Tag, Tlv
from secmod.card.dispatch import Data, command
from secmod.card.lifecycle import SELECT_STATUS
from secmod.card.objects import select as files
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.objects.directory import Directory
    from secmod.card.objects.file import ElementaryFile
    from secmod.card.state import CardState

# P1: by identifier, child DF, EF of the current DF, parent DF, by DF name, by path from the MF, by path from the current DF
ANY, CHILD_DF, CHILD_EF, PARENT, DF_NAME, PATH_FROM_MF, PATH_FROM_DF = 0x00, 0x01, 0x02, 0x03, 0x04, 0x08, 0x09
# P2, bits 4 and 3: what describes the file
FCI, FCP, FMD, NOTHING = 0x00, 0x04, 0x08, 0x0C

_LONGEST_NAME = 16


@command(
    "select",
    INS.SELECT,
    p1=(ANY, CHILD_DF, CHILD_EF, PARENT, DF_NAME, PATH_FROM_MF, PATH_FROM_DF),
    p2=range(0x10),
    data=Data.OPTIONAL,
)
def select(apdu: CommandApdu, card: CardState) -> ResponseApdu:
    """The file is current; 6283 or 6285 if it is deactivated or terminated.  6A82 leaves the old selection."""
    found = files.occurrence(_candidates(apdu, card), card.selection.current, apdu.p2 & 0x03)
    answer = _describe(found, apdu.p2 & 0x0C)
    apdu.check_ne(len(answer))
    card.selection.select(found)
    return ResponseApdu(answer, SELECT_STATUS[found.state])


def _candidates(apdu: CommandApdu, card: CardState) -> list[Directory | ElementaryFile]:
    """All files that P1 and the data field can mean, in the order of search."""
    current, p1, data = card.selection.directory, apdu.p1, apdu.data
    if p1 == PARENT:
        if data:
            raise CardError(SW.NC_P1P2, "the parent is selected without data")
        return files.parent_directory(current)
    if p1 == DF_NAME:
        if len(data) > _LONGEST_NAME:
            raise CardError(SW.NC_P1P2, "a DF name has 1 to 16 bytes")
        return files.by_name(card.tree, data)
    if p1 in (PATH_FROM_MF, PATH_FROM_DF):
        if not data or len(data) % 2:
            raise CardError(SW.NC_P1P2, "a path is a row of identifiers of 2 bytes")
        path = [int.from_bytes(data[i : i + 2]) for i in range(0, len(data), 2)]
        return files.by_path(card.tree.mf if p1 == PATH_FROM_MF else current, path)
    if p1 == ANY and not data:
        return [card.tree.mf]
    if len(data) != 2:
        raise CardError(SW.NC_P1P2, "an identifier has 2 bytes")
    fid = int.from_bytes(data)
    if p1 == ANY:
        return files.by_identifier(card.tree, current, fid)
    return files.child_directory(current, fid) if p1 == CHILD_DF else files.child_file(current, fid)


def _describe(file: Directory | ElementaryFile, what: int) -> bytes:
    if what == FCI:
        return Tlv(Tag.FCI, files.control_parameters(file)).encode()
    if what == FCP:
        return Tlv(Tag.FCP, files.control_parameters(file)).encode()
    return Tlv(Tag.FMD, files.management_data(file)).encode() if what == FMD else b""
