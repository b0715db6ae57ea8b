# SPDX-License-Identifier: Apache-2.0
"""ACTIVATE (ISO/IEC 7816-9; P1 of gemSpec_COS): a key can be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS
from secmod.card.dispatch import command
from secmod.card.lifecycle import KeyEvent, Target, refuse_change

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState


@command("activate", INS.ACTIVATE, p1=Target.PRIVATE_KEY)
def activate_key(apdu: CommandApdu, card: CardState) -> None:
    """The key is active; 6400 if it is terminated or there is none."""
    card.tree.private_key(apdu.p2).change(KeyEvent.ACTIVATE, card.security_status)


@command("activate", INS.ACTIVATE, p1=Target.PASSWORD)
def activate_password(apdu: CommandApdu, card: CardState) -> None:
    """Never done: 6982, or 6A88 if there is no such password."""
    refuse_change(card.tree.password(apdu.p2))


@command("activate", INS.ACTIVATE, p1=Target.FILE, p2=0x00)
def activate_file(apdu: CommandApdu, card: CardState) -> None:
    """Never done to the current file: 6982."""
    refuse_change(card.selection.current)
