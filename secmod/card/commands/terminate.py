# SPDX-License-Identifier: Apache-2.0
"""TERMINATE (ISO/IEC 7816-9; P1 of gemSpec_COS): a key can never be used again, only deleted or replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS
from secmod.card.dispatch import command
from secmod.card.lifecycle import KeyEvent, Target, refuse_change

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState


@command("terminate", INS.TERMINATE, p1=Target.PRIVATE_KEY)
def terminate_key(apdu: CommandApdu, card: CardState) -> None:
    """The key is terminated, its secret still there and of no use; 6400 if there is none."""
    card.tree.private_key(apdu.p2).change(KeyEvent.TERMINATE, card.security_status)


@command("terminate", INS.TERMINATE, p1=Target.PASSWORD)
def terminate_password(apdu: CommandApdu, card: CardState) -> None:
    """Never done: 6982, or 6A88 if there is no such password."""
    refuse_change(card.tree.password(apdu.p2))


@command("terminate", INS.TERMINATE, p1=Target.FILE, p2=0x00)
def terminate_file(apdu: CommandApdu, card: CardState) -> None:
    """Never done to the current EF, which there must be (6986): 6982."""
    refuse_change(card.selection.current_file())
