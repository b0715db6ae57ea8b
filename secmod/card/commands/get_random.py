# SPDX-License-Identifier: Apache-2.0
"""GET RANDOM (gemSpec_COS, class 80): random bytes that the card does not keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secmod.apdu import INS, SW
from secmod.card.dispatch import command
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState


@dataclass(frozen=True, slots=True)
class Lengths:
    """In bytes: the least and the most that one command gives."""

    min: int
    max: int


@command("get_random", INS.GET_CHALLENGE, proprietary=True, p1=0x00, p2=0x00, parameters=Lengths)
def get_random(apdu: CommandApdu, card: CardState, lengths: Lengths) -> bytes:
    """Ne random bytes."""
    if not lengths.min <= apdu.ne <= lengths.max:
        raise CardError(SW.WRONG_LENGTH, f"{lengths.min} to {lengths.max} random bytes can be had at once")
    return card.vault.random(apdu.ne)
