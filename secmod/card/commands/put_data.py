# SPDX-License-Identifier: Apache-2.0
"""PUT DATA (ISO/IEC 7816-4 clause 11.4.6): replaces a data object; here it takes the module's steps from phase to phase."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS, SW
from secmod.card.dispatch import Data, command
from secmod.card.objects.file import Mode
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState


@command("put_data", INS.PUT_DATA, data=Data.REQUIRED)
def put_data(apdu: CommandApdu, card: CardState) -> None:
    """The module is in the phase whose code is in the data field; 6985 if no step leads there, 6A80 if there is no such phase."""
    tag = apdu.p1 << 8 | apdu.p2
    found = card.tree.data_objects.get(tag)
    if found is None:
        raise CardError(SW.REFERENCE_NOT_FOUND, f"no data object {tag:04X}")
    found.open(Mode.UPDATE, card.security_status)
    phase = card.lifecycle.phase_of(apdu.data[0]) if len(apdu.data) == 1 else None
    if found.content != "phase" or phase is None:
        raise CardError(SW.WRONG_DATA, f"{apdu.data.hex()} is no phase")
    card.lifecycle.step("put_data", card.tree.satisfies, phase.letter)
