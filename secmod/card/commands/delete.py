# SPDX-License-Identifier: Apache-2.0
"""DELETE (ISO/IEC 7816-9; P1 of gemSpec_COS): the place of a key is empty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS, SW, ReferenceTag, Tlv
from secmod.card.dispatch import Data, command
from secmod.card.lifecycle import KeyEvent, Target, refuse_change
from secmod.card.objects.public_key import Use
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState


@command("delete", INS.DELETE, p1=Target.PRIVATE_KEY)
def delete_private_key(apdu: CommandApdu, card: CardState) -> None:
    """The place is empty and its secret wiped; nothing happens if it was empty before."""
    card.tree.private_key(apdu.p2).change(KeyEvent.DELETE, card.security_status)


def _reference(apdu: CommandApdu) -> int:
    """The reference of a public key: 83 with one byte."""
    found = Tlv.parse(apdu.data)
    if found.tag != ReferenceTag.KEY or len(found.value) != 1:
        raise CardError(SW.WRONG_DATA, "the data field must be one key reference 83 of one byte")
    return found.value[0]


@command("delete", INS.DELETE, p1=Target.PUBLIC_KEY, p2=0x00, data=Data.REQUIRED, parse=_reference)
def delete_public_key(apdu: CommandApdu, card: CardState, reference: int) -> None:
    """The place is empty; nothing happens if it was empty before.

    Who has authenticated with the key stays authenticated, or nobody would be left who may import its successor.
    """
    card.tree.public_key(reference).open(Use.DELETE, card.security_status).clear()


@command("delete", INS.DELETE, p1=Target.PASSWORD)
def delete_password(apdu: CommandApdu, card: CardState) -> None:
    """Never done: 6982, or 6A88 if there is no such password."""
    refuse_change(card.tree.password(apdu.p2))


@command("delete", INS.DELETE, p1=Target.FILE, p2=0x00)
def delete_file(apdu: CommandApdu, card: CardState) -> None:
    """Never done to the current file: 6982."""
    refuse_change(card.selection.current)
