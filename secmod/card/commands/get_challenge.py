# SPDX-License-Identifier: Apache-2.0
"""GET CHALLENGE (ISO/IEC 7816-4 clause 11.5.3): random bytes that a later authentication must answer."""

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
    """In bytes: the shortest and longest challenge, and the one length that is remembered."""

    min: int
    max: int
    remembered: int


@command("get_challenge", INS.GET_CHALLENGE, p1=0x00, p2=0x00, parameters=Lengths)
def get_challenge(apdu: CommandApdu, card: CardState, lengths: Lengths) -> bytes:
    """Ne random bytes; a challenge of the right length replaces the one that waits."""
    if not lengths.min <= apdu.ne <= lengths.max:
        raise CardError(SW.WRONG_LENGTH, f"a challenge has {lengths.min} to {lengths.max} bytes")
    challenge = card.vault.random(apdu.ne)
    if apdu.ne == lengths.remembered:
        card.challenge = challenge
    return challenge
