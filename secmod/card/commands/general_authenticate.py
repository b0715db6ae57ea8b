# SPDX-License-Identifier: Apache-2.0
"""GENERAL AUTHENTICATE (ISO/IEC 7816-4 clause 11.5.6): PACE (TR-03110-3 B.1) and ECKA (TR-03111 clause 4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS, SW, AuthenticationTag, Tag, Tlv
from secmod.card.dispatch import Chaining, Data, command
from secmod.card.objects.password import Use
from secmod.card.objects.private_key import Operation
from secmod.card.security_environment import AgreementKey, PaceSelection
from secmod.crypto import erase
from secmod.errors import CardError, PointError
from secmod.pace import CardEnd

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState

# What each step of PACE takes and gives, inside 7C (TR-03110-3 B.1); the first takes nothing.
NONCE, MAP, MAP_ANSWER, AGREE, AGREE_ANSWER, TOKEN, TOKEN_ANSWER = 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0x86
_TOKEN_BYTES = 8


def _content(apdu: CommandApdu) -> Tlv | None:
    """The one data object inside 7C, or None if 7C is empty."""
    template = Tlv.parse(apdu.data)
    if template.tag != Tag.DYNAMIC_AUTHENTICATION:
        raise CardError(SW.WRONG_DATA, "the data field must be one dynamic authentication template 7C")
    objects = template.children
    if len(objects) > 1:
        raise CardError(SW.WRONG_DATA, "the template holds one data object at most")
    return objects[0] if objects else None


@command(
    "general_authenticate",
    INS.GENERAL_AUTHENTICATE,
    p1=0x00,
    p2=0x00,
    data=Data.REQUIRED,
    chaining=Chaining.STEPS,
    parse=_content,
    secret=True,
)
def general_authenticate(apdu: CommandApdu, card: CardState, content: Tlv | None) -> bytes:
    """A step of PACE, or the shared value of the selected key and the point in the data field.

    An empty template begins PACE; a handshake under way goes on; otherwise the newer of the two selections decides.
    """
    selected = card.environment.general
    if content is not None and card.pace is None and isinstance(selected, AgreementKey):
        return _agree(apdu, card, content, selected)
    try:
        return _pace(apdu, card, content)
    except BaseException:
        card.abort_pace()
        card.environment.drop_pace()
        raise


def _agree(apdu: CommandApdu, card: CardState, content: Tlv, selected: AgreementKey) -> bytes:
    """Z, field length; a key for one use is gone once the point was well formed."""
    if apdu.chaining:
        raise CardError(SW.LAST_OF_CHAIN_EXPECTED, "key agreement has one step")
    if content.tag != AuthenticationTag.EXPONENTIAL:
        raise CardError(SW.WRONG_DATA, "the template must hold the other party's point 85")
    key = selected.key
    place = key.open(Operation.AGREE, card.security_status)
    secret = place.secret
    if secret is None:
        raise CardError(SW.EXECUTION_ERROR, f"{key.name} is empty")
    size = secret.curve.field_bytes
    apdu.check_ne(len(_answer(TOKEN_ANSWER, bytes(size))))
    if len(content.value) != secret.curve.point_bytes or content.value[0] != 0x04:
        raise CardError(SW.WRONG_DATA, f"no point of {secret.curve.name}")
    try:
        z = secret.agree(content.value)
    except PointError as error:
        raise CardError(SW.WRONG_DATA, str(error)) from None
    finally:
        if key.volatile:
            place.clear()
    inner = Tlv(TOKEN_ANSWER, z).encode()
    outer = Tlv(Tag.DYNAMIC_AUTHENTICATION, inner).encode()
    erase(z)
    erase(inner)
    return outer


def _pace(apdu: CommandApdu, card: CardState, content: Tlv | None) -> bytes:
    last = content is not None and content.tag == TOKEN
    if apdu.chaining is last and (content is None or card.pace is not None):
        raise CardError(SW.LAST_OF_CHAIN_EXPECTED, "only the last step of PACE ends the chain")
    if content is None:
        return _begin(apdu, card)
    handshake = card.pace
    if handshake is None:
        raise CardError(SW.CONDITIONS, "no handshake is under way")
    if content.tag == MAP:
        apdu.check_ne(len(_answer(MAP_ANSWER, bytes(handshake.suite.curve.point_bytes))))
        return _answer(MAP_ANSWER, handshake.map(content.value))
    if content.tag == AGREE:
        apdu.check_ne(len(_answer(AGREE_ANSWER, bytes(handshake.suite.curve.point_bytes))))
        return _answer(AGREE_ANSWER, handshake.agree(content.value))
    if content.tag == TOKEN:
        return _finish(apdu, card, handshake, content.value)
    raise CardError(SW.WRONG_DATA, f"data object {content.tag:02X} has no place in PACE")


def _begin(apdu: CommandApdu, card: CardState) -> bytes:
    """Step 1: the encrypted nonce."""
    selected = card.environment.pace
    if card.security_status.protected or not isinstance(selected, PaceSelection) or card.pace is not None:
        raise CardError(SW.CONDITIONS, "PACE begins after its MSE, once, and outside a session")
    place = selected.password.open(Use.PACE, card.security_status)
    if place.blocked or place.secret is None:
        raise CardError(SW.BLOCKED, f"{selected.password.name} is blocked")
    apdu.check_ne(len(_answer(NONCE, bytes(16))))
    card.pace = CardEnd(card.vault, selected.suite, place.secret)
    return _answer(NONCE, card.pace.nonce())


def _finish(apdu: CommandApdu, card: CardState, handshake: CardEnd, token: bytes) -> bytes:
    """Step 4: the tokens; a right one opens the session, and gives all tries back."""
    selected = card.environment.pace
    if selected is None:
        raise CardError(SW.CONDITIONS, "no password is selected")
    if len(token) != _TOKEN_BYTES:
        raise CardError(SW.WRONG_DATA, "a token has 8 bytes")
    apdu.check_ne(len(_answer(TOKEN_ANSWER, token)))
    password = selected.password
    place = password.open(Use.PACE, card.security_status)
    proof = password.proof
    try:
        answer, session = handshake.finish(token, place.count)
    except CardError as error:
        if error.sw == SW.AUTHENTICATION_FAILED:
            raise CardError(place.status, f"the token is wrong: {password.name} does not fit") from None
        raise
    place.restore()
    card.pace = None
    card.environment.drop_pace()
    card.open_session(session, proof)
    return _answer(TOKEN_ANSWER, answer)


def _answer(tag: int, value: bytes) -> bytes:
    return Tlv.of(Tag.DYNAMIC_AUTHENTICATION, Tlv(tag, value)).encode()
