# SPDX-License-Identifier: Apache-2.0
"""VERIFY (ISO/IEC 7816-4 clause 11.5.6): only asks how a password stands; values are proven by PACE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS, SW
from secmod.card.dispatch import Data, command
from secmod.card.objects.password import Use
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState


@command("verify", INS.VERIFY, p1=0x00, data=Data.OPTIONAL, secret=True)
def verify(apdu: CommandApdu, card: CardState) -> None:
    """9000 if the running session was opened with the password; else 63Cx with the tries left, 6983 blocked, 6984 not set."""
    password = card.tree.password(apdu.p2)
    if apdu.data:
        raise CardError(SW.SECURITY_STATUS, "a password is proven by PACE, never sent")
    content = password.open(Use.QUERY, card.security_status)
    if card.security_status.protected and card.security_status.session == password.description.session:
        return
    raise CardError(SW.BLOCKED if content.blocked else content.status)
