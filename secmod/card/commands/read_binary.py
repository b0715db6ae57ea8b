# SPDX-License-Identifier: Apache-2.0
"""READ BINARY (ISO/IEC 7816-4 clause 11.3.2): bytes of a transparent file from an offset on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS, SW, ResponseApdu, Tag, Tlv
from secmod.card.dispatch import Data, command
from secmod.card.objects.file import Mode
from secmod.card.objects.select import PLACES
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.objects.file import ElementaryFile
    from secmod.card.state import CardState


@command("read_binary", INS.READ_BINARY, p1=PLACES)
def read_binary(apdu: CommandApdu, card: CardState) -> ResponseApdu:
    """At most Ne bytes from the offset; 6282 if the file ends before a definite Ne, 6281 if its checksum is wrong."""
    file, offset = card.selection.place(apdu.p1, apdu.p2)
    data, status = _read(file, card, offset, apdu.ne)
    if len(data) < apdu.ne and not apdu.wildcard and status is SW.OK:
        status = SW.END_OF_FILE
    card.selection.select(file)
    return ResponseApdu(data, status)


def _offset(apdu: CommandApdu) -> int:
    """The offset data object of the odd instruction."""
    objects = Tlv.parse_all(apdu.data)
    if len(objects) != 1 or objects[0].tag != Tag.OFFSET or not 1 <= len(objects[0].value) <= 3:
        raise CardError(SW.WRONG_DATA, "the data field must be one offset data object 54 of 1 to 3 bytes")
    return int.from_bytes(objects[0].value)


@command("read_binary", INS.READ_BINARY_BER, data=Data.REQUIRED, parse=_offset)
def read_binary_odd(apdu: CommandApdu, card: CardState, offset: int) -> ResponseApdu:
    """The same for offsets beyond 32767: the data comes in a data object 53, and Ne counts the whole object."""
    file = card.selection.file_by_parameters(apdu.p1, apdu.p2)
    # As much as fits beside tag and length; a definite Ne below 3 can hold nothing.
    length = 65536
    if apdu.ne:
        apdu.check_ne(3)
        length = _fitting(apdu.ne)
    data, status = _read(file, card, offset, length)
    answer = Tlv(Tag.DISCRETIONARY_DATA, data).encode()
    if len(data) < length and not apdu.wildcard and len(answer) < apdu.ne and status is SW.OK:
        status = SW.END_OF_FILE
    card.selection.select(file)
    return ResponseApdu(answer, status)


def _fitting(ne: int) -> int:
    """How many bytes of value a data object of `ne` bytes in all can have."""
    for header, most in ((2, 0x7F), (3, 0xFF), (4, 0xFFFF)):
        if ne - header <= most:
            return ne - header
    return 0xFFFF


def _read(file: ElementaryFile, card: CardState, offset: int, length: int) -> tuple[bytes, SW]:
    content = file.open(Mode.READ, card.security_status)
    if content.damage is not None and not content.data:
        return b"", SW.WARNING_CORRUPT
    if offset >= len(content.data):
        raise CardError(SW.WRONG_OFFSET, f"{file.name} has {len(content.data)} bytes")
    return content.data[offset : offset + length], SW.OK if content.intact else SW.WARNING_CORRUPT
