# SPDX-License-Identifier: Apache-2.0
"""UPDATE BINARY (ISO/IEC 7816-4 clause 11.3.5): bytes of a transparent file are overwritten from an offset on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS, SW, Tag, Tlv
from secmod.card.dispatch import Chaining, Data, command
from secmod.card.objects.file import Mode
from secmod.card.objects.select import PLACES
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.objects.file import ElementaryFile
    from secmod.card.state import CardState


@command("update_binary", INS.UPDATE_BINARY, p1=PLACES, data=Data.REQUIRED, chaining=Chaining.JOINED)
def update_binary(apdu: CommandApdu, card: CardState) -> None:
    """The data field stands at the offset, all of it or nothing: 6B00 if the file ends before it, 6A84 if it does not fit."""
    file, offset = card.selection.place(apdu.p1, apdu.p2)
    _write(file, card, offset, apdu.data)


def _offset_and_data(apdu: CommandApdu) -> tuple[int, bytes]:
    """The data objects of the odd instruction: 54 offset, 53 or 73 data."""
    objects = Tlv.parse_all(apdu.data)
    if len(objects) != 2 or objects[0].tag != Tag.OFFSET or not 1 <= len(objects[0].value) <= 3:
        raise CardError(SW.WRONG_DATA, "the data field must be one offset data object 54 of 1 to 3 bytes and one with the data")
    if objects[1].tag not in (Tag.DISCRETIONARY_DATA, Tag.DISCRETIONARY_TEMPLATE) or not objects[1].value:
        raise CardError(SW.WRONG_DATA, "the data must stand in a data object 53 or 73")
    return int.from_bytes(objects[0].value), objects[1].value


@command("update_binary", INS.UPDATE_BINARY_BER, data=Data.REQUIRED, chaining=Chaining.JOINED, parse=_offset_and_data)
def update_binary_odd(apdu: CommandApdu, card: CardState, content: tuple[int, bytes]) -> None:
    """The same for offsets beyond 32767: offset and data come in data objects."""
    file = card.selection.file_by_parameters(apdu.p1, apdu.p2)
    _write(file, card, *content)


def _write(file: ElementaryFile, card: CardState, offset: int, data: bytes) -> None:
    content = file.open(Mode.UPDATE, card.security_status)
    if offset >= file.size:
        raise CardError(SW.WRONG_OFFSET, f"{file.name} has room for {file.size} bytes")
    if offset + len(data) > file.size:
        raise CardError(SW.NO_SPACE, f"{file.name} has room for {file.size} bytes")
    content.write(offset, data)
    card.selection.select(file)
