# SPDX-License-Identifier: Apache-2.0
"""DEACTIVATE (ISO/IEC 7816-9; P1 of gemSpec_COS): a key can not be used until it is activated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS
from secmod.card.dispatch import command
from secmod.card.lifecycle import KeyEvent, Target, refuse_change

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState


@command("deactivate", INS.DEACTIVATE, p1=Target.PRIVATE_KEY)
def deactivate_key(apdu: CommandApdu, card: CardState) -> None:
    """The key is deactivated; 6400 if it is terminated or there is none."""
    card.tree.private_key(apdu.p2).change(KeyEvent.DEACTIVATE, card.security_status)


@command("deactivate", INS.DEACTIVATE, p1=Target.PASSWORD)
def deactivate_password(apdu: CommandApdu, card: CardState) -> None:
    """Never done: 6982, or 6A88 if there is no such password."""
    refuse_change(card.tree.password(apdu.p2))


@command("deactivate", INS.DEACTIVATE, p1=Target.FILE, p2=0x00)
def deactivate_file(apdu: CommandApdu, card: CardState) -> None:
    """Never done to the current file: 6982."""
    refuse_change(card.selection.current)
