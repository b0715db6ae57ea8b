# SPDX-License-Identifier: Apache-2.0
"""RESET RETRY COUNTER (ISO/IEC 7816-4 clause 11.5.10): a password has all its tries again, perhaps with another value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS, SW
from secmod.card.dispatch import Data, command
from secmod.card.objects.password import PasswordState, Use
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState

NEW, NOTHING = 0x02, 0x03


@command("reset_retry_counter", INS.RESET_RETRY_COUNTER, p1=(NEW, NOTHING), data=Data.OPTIONAL, secret=True)
def reset_retry_counter(apdu: CommandApdu, card: CardState) -> None:
    """All tries are there again; with P1 = 02 the password has the value in the data field."""
    if bool(apdu.data) is not (apdu.p1 == NEW):
        raise CardError(SW.WRONG_LENGTH, "P1 = 02 comes with a new value, P1 = 03 without")
    password = card.tree.password(apdu.p2)
    content = password.open(Use.RESET, card.security_status)
    if apdu.data:
        password.check_new(apdu.data)
        content.replace(card.vault.password(apdu.data), PasswordState.SET)
    content.restore()
