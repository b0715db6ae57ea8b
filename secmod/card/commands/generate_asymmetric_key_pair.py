# SPDX-License-Identifier: Apache-2.0
"""GENERATE ASYMMETRIC KEY PAIR (ISO/IEC 7816-8 clause 5.3, with the P1 values of gemSpec_COS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import INS, SW, KeyTag, Tag, Tlv
from secmod.card.dispatch import Data, command
from secmod.card.lifecycle import KeyState
from secmod.card.objects.private_key import Operation
from secmod.crypto import by_oid
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.objects.private_key import PrivateKey
    from secmod.card.state import CardState
    from secmod.crypto import Curve

NEW, NEW_SILENT, REPLACE, REPLACE_SILENT, READ_PUBLIC = 0x80, 0x84, 0xC0, 0xC4, 0x81


def _curve(apdu: CommandApdu) -> Curve | None:
    """The curve that the data field names: 7F49 { 06 object identifier }."""
    if not apdu.data:
        return None
    objects = Tlv.parse_all(apdu.data)
    if len(objects) != 1 or objects[0].tag != Tag.PUBLIC_KEY:
        raise CardError(SW.WRONG_DATA, "the data field must be one public key template 7F49")
    inner = objects[0].children
    if len(inner) != 1 or inner[0].tag != Tag.OBJECT_IDENTIFIER:
        raise CardError(SW.WRONG_DATA, "the template must hold the curve's object identifier 06, and nothing else")
    curve = by_oid(inner[0].value)
    if curve is None:
        raise CardError(SW.WRONG_DATA, f"no curve has the object identifier {inner[0].value.hex()}")
    return curve


@command(
    "generate_asymmetric_key_pair",
    INS.GENERATE_ASYMMETRIC_KEY_PAIR,
    p1=(NEW, NEW_SILENT, REPLACE, REPLACE_SILENT, READ_PUBLIC),
    data=Data.OPTIONAL,
    parse=_curve,
)
def generate_asymmetric_key_pair(apdu: CommandApdu, card: CardState, wanted: Curve | None) -> bytes | None:
    """A fresh pair in the place that P2 names (00: the selected one), or the public key of the pair that is there.

    6985 if a pair is there and P1 does not allow to replace it, or the key is active; 6400 if there is none to read.
    """
    key = _key(apdu, card)
    if apdu.p1 == READ_PUBLIC:
        return _read_public(apdu, card, key, wanted)
    content = key.open(Operation.GENERATE, card.security_status)
    if apdu.p1 in (NEW, NEW_SILENT) and content.state is not KeyState.EMPTY:
        raise CardError(SW.CONDITIONS, f"{key.name} holds a key pair already; P1 = C0 replaces it")
    if wanted is not None and key.curve is not None and wanted is not key.curve:
        raise CardError(SW.WRONG_DATA, f"{key.name} is for {key.curve.name}")
    curve = wanted or key.default_curve
    silent = apdu.p1 in (NEW_SILENT, REPLACE_SILENT)
    if not silent:
        apdu.check_ne(len(_template(bytes(curve.point_bytes))))
    secret = card.vault.generate(curve)
    content.replace(secret, key.state_after_generate, card.security_status.phase)
    return None if silent else _template(secret.public_point)


def _key(apdu: CommandApdu, card: CardState) -> PrivateKey:
    if apdu.p2 == 0:
        if card.environment.newest_key is None:
            raise CardError(SW.CONDITIONS, "no key is selected")
        return card.environment.newest_key
    return card.tree.private_key(apdu.p2)


def _read_public(apdu: CommandApdu, card: CardState, key: PrivateKey, wanted: Curve | None) -> bytes:
    secret = key.open(Operation.READ_PUBLIC, card.security_status).secret
    if secret is None:
        raise CardError(SW.EXECUTION_ERROR, f"{key.name} is empty")
    if wanted is not None and wanted is not secret.curve:
        raise CardError(SW.WRONG_DATA, f"{key.name} holds a key on {secret.curve.name}")
    answer = _template(secret.public_point)
    apdu.check_ne(len(answer))
    return answer


def _template(point: bytes) -> bytes:
    """7F49 { 86 point } for an uncompressed point of 1 + 2L bytes."""
    return Tlv(Tag.PUBLIC_KEY, Tlv(KeyTag.PUBLIC_POINT, point).encode()).encode()
