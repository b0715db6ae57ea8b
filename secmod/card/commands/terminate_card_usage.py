# SPDX-License-Identifier: Apache-2.0
"""TERMINATE CARD USAGE (ISO/IEC 7816-9 clause 8.7): the end of the module's life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS
from secmod.card.dispatch import command

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState


@command("terminate_card_usage", INS.TERMINATE_CARD_USAGE, p1=0x00, p2=0x00)
def terminate_card_usage(apdu: CommandApdu, card: CardState) -> None:
    """Keys and passwords are gone for good; the answer is still protected, then the session ends."""
    card.lifecycle.step("terminate_card_usage", card.tree.satisfies)
    card.close_session = True
