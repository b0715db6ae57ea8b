# SPDX-License-Identifier: Apache-2.0
"""What the module's responses say, as values.  A response that says nothing of the kind raises TransportError."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secmod.apdu import AuthenticationTag, FcpTag, KeyTag, ReferenceTag, Tag, Tlv
from secmod.crypto import CURVES, Curve, by_oid, check_point
from secmod.errors import PointError, TlvError, TransportError

if TYPE_CHECKING:
    from collections.abc import Callable

_KEY_ENTRY = 0xE2  # of the inventory
_STATES = {0x00: "empty", 0x04: "deactivated", 0x05: "active", 0x0C: "terminated"}  # life cycle status bytes (ISO/IEC 7816-4)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key: `point` is uncompressed, 1 + 2L bytes (TR-03111 clause 3.2)."""

    curve: Curve
    point: bytes

    def der(self) -> bytes:
        """As SubjectPublicKeyInfo (RFC 5480), for openssl and others."""
        algorithm = Tlv(0x30, Tlv(0x06, bytes.fromhex("2A8648CE3D0201")).encode() + Tlv(0x06, self.curve.oid).encode())
        return Tlv(0x30, algorithm.encode() + Tlv(0x03, b"\x00" + self.point).encode()).encode()


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A place for a key as the module lists it: `state` is "empty", "deactivated", "active" or "terminated".

    `name` is the profile's, None if it knows none.  `fingerprint` are the first four bytes of the SHA-256 of the point; where no
    key is, it is empty and `curve` None.
    """

    name: str | None
    reference: int
    private: bool
    state: str
    curve: Curve | None
    fingerprint: bytes


def public_key(answer: bytes, curve: str | None) -> PublicKey:
    """From 7F49 { 86 point }; the curve is the one named, or the only one that the point is on."""
    point = _inner(answer, Tag.PUBLIC_KEY, KeyTag.PUBLIC_POINT, "public key")
    for candidate in CURVES.values() if curve is None else (CURVES[curve],):
        try:
            check_point(candidate, point)
        except PointError:
            continue
        return PublicKey(candidate, point)
    raise TransportError(f"the module's answer is no point on {curve or 'any known curve'}: {point.hex()}")


def shared_value(answer: bytes) -> bytes:
    """From 7C { 86 Z }."""
    return _inner(answer, Tag.DYNAMIC_AUTHENTICATION, AuthenticationTag.TOKEN, "shared value", secret=True)


def pace_value(answer: bytes, tag: int) -> bytes:
    """From the answer to a step of PACE: 7C { tag value }."""
    return _inner(answer, Tag.DYNAMIC_AUTHENTICATION, tag, "step of PACE")


def pace_protocols(card_access: bytes) -> tuple[bytes, ...]:
    """The identifiers (value octets) of the PACE protocols in EF.CardAccess (SecurityInfos, TR-03110-3 A.1)."""
    try:
        (infos,) = Tlv.parse_all(card_access, padding=b"\x00")
        entries = [Tlv.parse_all(info.value) for info in Tlv.parse_all(infos.value)]
    except (TlvError, ValueError):
        raise TransportError(f"EF.CardAccess holds no security information: {card_access.hex()}") from None
    return tuple(entry[0].value for entry in entries if entry and entry[0].tag == Tag.OBJECT_IDENTIFIER)


def inventory(answer: bytes, name: Callable[[int], str | None]) -> tuple[KeyEntry, ...]:
    """From the key inventory: E2 { 83 or 84 reference, 8A state, 06 curve, 04 fingerprint } for each place."""
    try:
        return tuple(_key_entry(entry, name) for entry in Tlv.parse_all(answer))
    except (TlvError, LookupError, TypeError):
        raise TransportError(f"the module's answer is no key inventory: {answer.hex()}") from None


def _key_entry(entry: Tlv, name: Callable[[int], str | None]) -> KeyEntry:
    if entry.tag != _KEY_ENTRY:
        raise LookupError
    values = {child.tag: child.value for child in entry.children}
    private = ReferenceTag.PRIVATE_KEY in values
    (reference,) = values[ReferenceTag.PRIVATE_KEY if private else ReferenceTag.KEY]
    (state,) = values[FcpTag.LIFE_CYCLE_STATUS]
    oid = values.get(Tag.OBJECT_IDENTIFIER)
    curve = None if oid is None else by_oid(oid)
    return KeyEntry(name(reference), reference, private, _STATES[state], curve, values.get(Tag.OCTET_STRING, b""))


def _inner(answer: bytes, template: int, tag: int, what: str, *, secret: bool = False) -> bytes:
    try:
        outer = Tlv.parse(answer)
        (inner,) = outer.children
    except (TlvError, ValueError):
        outer = inner = Tlv(0)
    if (outer.tag, inner.tag) != (template, tag):
        raise TransportError(f"the module's answer is no {what}{'' if secret else f': {answer.hex()}'}")
    return inner.value


__all__ = ["KeyEntry", "PublicKey", "inventory", "pace_protocols", "pace_value", "public_key", "shared_value"]
