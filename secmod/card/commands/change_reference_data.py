# SPDX-License-Identifier: Apache-2.0
"""CHANGE REFERENCE DATA (ISO/IEC 7816-4 clause 11.5.7): a password gets another value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS, SW
from secmod.card.dispatch import Data, command
from secmod.card.objects.password import PasswordState, Use
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.objects.password import Content, Password
    from secmod.card.state import CardState

OLD_AND_NEW, NEW = 0x00, 0x01


@command("change_reference_data", INS.CHANGE_REFERENCE_DATA, p1=(OLD_AND_NEW, NEW), data=Data.REQUIRED, secret=True)
def change_reference_data(apdu: CommandApdu, card: CardState) -> None:
    """The password has the new value and all its tries.

    With P1 = 00 the old value stands before the new one and is counted as a try.  The first change of a transport value takes the
    module's step, and ends the session that the transport value opened.
    """
    password = card.tree.password(apdu.p2)
    content = password.open(Use.CHANGE, card.security_status)
    data = memoryview(apdu.data)  # what is cut from it is no copy
    new = data if apdu.p1 == NEW else _cut_off_old(password, content, data)
    password.check_new(new)
    if apdu.p1 == OLD_AND_NEW:
        _check_old(content, data[: len(data) - len(new)])
    first = content.state is PasswordState.TRANSPORT and card.lifecycle.has_step("change_password")
    content.replace(card.vault.password(new), PasswordState.SET)
    content.restore()
    if first:
        card.lifecycle.step("change_password", card.tree.satisfies)
        card.close_session = True


def _cut_off_old(password: Password, content: Content, data: memoryview) -> memoryview:
    """The new value behind the old one, which has its stored length; 6985 if that leaves too little, and no try is counted."""
    if content.secret is None:
        raise CardError(SW.REFERENCE_UNUSABLE, f"{password.name} has not been set")
    if len(data) < content.secret.length + password.description.min:
        raise CardError(SW.CONDITIONS, "old and new value together are too short")
    return data[content.secret.length :]


def _check_old(content: Content, old: memoryview) -> None:
    """Raises CardError 6983 if no try is left, 63Cx if the old value is wrong; the try is counted first."""
    content.count()
    if content.secret is None or not content.secret.matches(old):
        raise CardError(content.status, "the old value is wrong")
