# SPDX-License-Identifier: Apache-2.0
"""GET DATA (ISO/IEC 7816-4 clause 11.4.3): the value of a data object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS, SW
from secmod.card.dispatch import command
from secmod.card.objects.file import Mode
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState

_LOWEST_TAG = 0x40


@command("get_data", INS.GET_DATA)
def get_data(apdu: CommandApdu, card: CardState) -> bytes:
    """The value field of the data object whose tag is P1-P2; 6A88 if there is none."""
    tag = apdu.p1 << 8 | apdu.p2
    if tag < _LOWEST_TAG:
        raise CardError(SW.WRONG_P1P2)
    found = card.tree.data_objects.get(tag)
    if found is None:
        raise CardError(SW.REFERENCE_NOT_FOUND, f"no data object {tag:04X}")
    value = found.open(Mode.READ, card.security_status)
    apdu.check_ne(len(value))
    return value
