# SPDX-License-Identifier: Apache-2.0
"""PERFORM SECURITY OPERATION: VERIFY DIGITAL SIGNATURE (ISO/IEC 7816-8 clause 5.8; ECDSA in plain format, TR-03111 5.2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secmod.apdu import INS, SW, KeyTag, Tag, Tlv
from secmod.card.dispatch import Chaining, Data, command
from secmod.card.objects.public_key import Use
from secmod.crypto import by_oid, verify
from secmod.errors import CardError, PointError, SignatureError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState
    from secmod.crypto import Curve


@dataclass(frozen=True, slots=True)
class Hashes:
    """The lengths of a hash in bytes that are accepted."""

    hash_lengths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be verified; `key` is None if the selected key is meant."""

    hash: bytes
    signature: bytes
    key: tuple[Curve, bytes] | None


def _question(apdu: CommandApdu) -> Question:
    """06 curve, 90 or 9A hash, 9C { 7F49 { 86 point } } or 7F49 { 86 point }, 9E signature; without 06 and key: 90, 9E."""
    parsed = Tlv.parse_all(apdu.data)
    objects = {int(entry.tag): entry for entry in parsed}
    if len(objects) != len(parsed):
        raise CardError(SW.WRONG_DATA, "a data object stands twice")
    hashes = [objects.pop(tag) for tag in (Tag.INPUT_HASH, Tag.INPUT_DATA) if tag in objects]
    signature = objects.pop(Tag.DIGITAL_SIGNATURE, None)
    if len(hashes) != 1 or signature is None:
        raise CardError(SW.WRONG_DATA, "one hash (90 or 9A) and one signature (9E) are needed")
    key = _key(objects) if objects else None
    return Question(hashes[0].value, signature.value, key)


def _key(objects: dict[int, Tlv]) -> tuple[Curve, bytes]:
    identifier = objects.pop(Tag.OBJECT_IDENTIFIER, None)
    holder = objects.pop(Tag.PUBLIC_KEY_INPUT, None)
    template = objects.pop(Tag.PUBLIC_KEY, None)
    if identifier is None or (holder is None) == (template is None) or objects:
        raise CardError(SW.WRONG_DATA, "a key in the command is 06 and one of 9C and 7F49, and nothing else")
    if holder is not None:
        inner = Tlv.parse_all(holder.value)
        template = inner[0] if len(inner) == 1 and inner[0].tag == Tag.PUBLIC_KEY else None
    points: tuple[Tlv, ...] = template.children if template is not None else ()
    curve = by_oid(identifier.value)
    if curve is None or len(points) != 1 or points[0].tag != KeyTag.PUBLIC_POINT:
        raise CardError(SW.WRONG_DATA, "the key is no 7F49 { 86 point } on a known curve")
    return curve, points[0].value


@command(
    "verify_digital_signature",
    INS.PERFORM_SECURITY_OPERATION,
    p1=0x00,
    p2=0xA8,
    data=Data.REQUIRED,
    chaining=Chaining.JOINED,
    parse=_question,
    parameters=Hashes,
)
def verify_digital_signature(apdu: CommandApdu, card: CardState, question: Question, hashes: Hashes) -> None:
    """9000 if the signature is good; a bad signature and a bad point get the same 6A80 on purpose."""
    if question.key is not None:
        curve, point = question.key
    elif card.environment.verifying is not None:
        curve, point = card.environment.verifying.open(Use.VERIFY, card.security_status).key
    else:
        raise CardError(SW.CONDITIONS, "no key is selected, and the command brings none")
    if len(question.hash) not in hashes.hash_lengths:
        raise CardError(SW.WRONG_DATA, f"a hash of {len(question.hash)} bytes is not accepted")
    try:
        verify(curve, point, question.hash, question.signature)
    except (SignatureError, PointError) as error:
        raise CardError(SW.WRONG_DATA, "signature or key is not valid") from error
