# SPDX-License-Identifier: Apache-2.0
"""MANAGE SECURITY ENVIRONMENT (ISO/IEC 7816-4 clause 11.5.11): SET and RESTORE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secmod.apdu import INS, SW, CrtTag, ReferenceTag, ResponseApdu, Tlv
from secmod.card.dispatch import Data, command
from secmod.card.objects.password import Use
from secmod.card.security_environment import AgreementKey, PaceSelection, SigningKey
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.objects.private_key import PrivateKey
    from secmod.card.objects.public_key import PublicKey
    from secmod.card.state import CardState
    from secmod.profile.model import Algorithm

SET_FOR_COMPUTATION, SET_FOR_VERIFICATION, SET_FOR_PACE, RESTORE = 0x41, 0x81, 0xC1, 0xF3


@dataclass(frozen=True, slots=True)
class Environments:
    """The numbers that RESTORE knows."""

    environments: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Template:
    """A control reference template: a one-byte key reference, and the mechanism if one is named."""

    reference: int
    mechanism: bytes | None


def _template(apdu: CommandApdu, reference_tag: int) -> Template:
    objects = Tlv.parse_all(apdu.data)
    values = {int(entry.tag): entry.value for entry in objects}
    if len(values) != len(objects):
        raise CardError(SW.WRONG_DATA, "a data object stands twice in the template")
    reference = values.pop(reference_tag, b"")
    if len(reference) != 1:
        raise CardError(SW.WRONG_DATA, f"the template must hold a key reference {reference_tag:02X} of one byte")
    mechanism = values.pop(ReferenceTag.MECHANISM, None)
    if values:
        raise CardError(SW.WRONG_DATA, f"data object {min(values):02X} has no place in this template")
    return Template(reference[0], mechanism)


def _signing_template(apdu: CommandApdu) -> Template:
    return _template(apdu, ReferenceTag.PRIVATE_KEY)


def _verification_template(apdu: CommandApdu) -> Template:
    return _template(apdu, ReferenceTag.KEY)


@command(
    "manage_security_environment",
    INS.MANAGE_SECURITY_ENVIRONMENT,
    p1=SET_FOR_COMPUTATION,
    p2=CrtTag.DIGITAL_SIGNATURE,
    data=Data.REQUIRED,
    parse=_signing_template,
)
def set_signing_key(apdu: CommandApdu, card: CardState, template: Template) -> None:
    """PSO COMPUTE DIGITAL SIGNATURE uses this key and algorithm; whether the key may be used is seen there."""
    key, algorithm, hash_length = _private_key(card, template, "sign")
    card.environment.select_signing(SigningKey(key, algorithm, hash_length))


@command(
    "manage_security_environment",
    INS.MANAGE_SECURITY_ENVIRONMENT,
    p1=SET_FOR_COMPUTATION,
    p2=CrtTag.KEY_AGREEMENT,
    data=Data.REQUIRED,
    parse=_signing_template,
)
def set_agreement_key(apdu: CommandApdu, card: CardState, template: Template) -> None:
    """GENERAL AUTHENTICATE agrees a value with this key and algorithm; whether the key may be used is seen there."""
    key, algorithm, _ = _private_key(card, template, "agree")
    card.environment.select_agreement(AgreementKey(key, algorithm))


@command(
    "manage_security_environment",
    INS.MANAGE_SECURITY_ENVIRONMENT,
    p1=SET_FOR_VERIFICATION,
    p2=CrtTag.DIGITAL_SIGNATURE,
    data=Data.REQUIRED,
    parse=_verification_template,
)
def set_verification_key(apdu: CommandApdu, card: CardState, template: Template) -> None:
    """PSO VERIFY DIGITAL SIGNATURE uses this stored public key when the command brings none."""
    card.environment.verifying = _public_key(card, template)


@command(
    "manage_security_environment",
    INS.MANAGE_SECURITY_ENVIRONMENT,
    p1=SET_FOR_VERIFICATION,
    p2=CrtTag.AUTHENTICATION,
    data=Data.REQUIRED,
    parse=_verification_template,
)
def set_authentication_key(apdu: CommandApdu, card: CardState, template: Template) -> None:
    """EXTERNAL AUTHENTICATE verifies with this stored public key; 6A81 for one that the profile does not give to that."""
    key = _public_key(card, template)
    if not key.authenticates:
        raise CardError(SW.FUNCTION_NOT_SUPPORTED, f"{key.name} authenticates nobody")
    card.environment.authenticating = key


def _pace_template(apdu: CommandApdu) -> tuple[bytes, int, int | None]:
    """Protocol (value octets), password reference, and domain parameter id if one is named."""
    objects = Tlv.parse_all(apdu.data)
    values = {entry.tag: entry.value for entry in objects}
    protocol = values.pop(ReferenceTag.MECHANISM, None)
    password = values.pop(ReferenceTag.KEY, b"")
    domain = values.pop(ReferenceTag.PRIVATE_KEY, None)
    unique = len(objects) == len(values) + (protocol is not None) + bool(password) + (domain is not None)
    if protocol is None or len(password) != 1 or values or not unique or (domain is not None and len(domain) != 1):
        raise CardError(SW.WRONG_DATA, "PACE takes a protocol 80, a password reference 83, perhaps a domain 84, and nothing else")
    return protocol, password[0], None if domain is None else domain[0]


@command(
    "manage_security_environment",
    INS.MANAGE_SECURITY_ENVIRONMENT,
    p1=SET_FOR_PACE,
    p2=CrtTag.AUTHENTICATION,
    data=Data.REQUIRED,
    parse=_pace_template,
)
def set_pace(apdu: CommandApdu, card: CardState, template: tuple[bytes, int, int | None]) -> ResponseApdu:
    """The next PACE run uses this protocol and password (TR-03110-3 B.11.1); 63Cx if not all tries are left.

    6985 inside a session: a new one is begun by commands in plain.
    """
    protocol, reference, domain = template
    if card.security_status.protected:
        raise CardError(SW.CONDITIONS, "PACE is not run inside a session")
    suite = card.suites.get(protocol)
    if suite is None:
        raise CardError(SW.WRONG_DATA, f"no PACE protocol {protocol.hex()}")
    password = card.tree.password(reference)
    if domain not in (None, suite.domain):
        raise CardError(SW.REFERENCE_NOT_FOUND, f"no domain parameters {domain:02X} with this protocol")
    content = password.open(Use.PACE, card.security_status)
    card.environment.select_pace(PaceSelection(suite, password))
    return ResponseApdu(b"", SW.OK if content.untouched else content.status)


@command("manage_security_environment", INS.MANAGE_SECURITY_ENVIRONMENT, p1=RESTORE, data=Data.NEVER, parameters=Environments)
def restore(apdu: CommandApdu, card: CardState, known: Environments) -> None:
    """Nothing is selected any more; 6A88 for an environment the profile does not have."""
    if apdu.p2 not in known.environments:
        raise CardError(SW.REFERENCE_NOT_FOUND, f"no security environment {apdu.p2}")
    card.environment.clear()
    card.security_status.forget_roles()


def _private_key(card: CardState, template: Template, use: str) -> tuple[PrivateKey, Algorithm, int]:
    """The key of a template, and its algorithm with the hash length that it fixes; the key must allow it for `use`."""
    key = card.tree.private_key(template.reference)
    if template.mechanism is None:
        if len(key.algorithms) != 1:
            raise CardError(SW.WRONG_DATA, f"{key.name} has several algorithms; name one in data object 80")
        algorithm, hash_length = next(entry for entry in card.algorithms if entry.name == key.algorithms[0]), 0
    else:
        algorithm, hash_length = _algorithm(card, template.mechanism)
    if algorithm.name not in key.algorithms or algorithm.use != use:
        raise CardError(SW.FUNCTION_NOT_SUPPORTED, f"{key.name} is not to {use} by {algorithm.name}")
    return key, algorithm, hash_length


def _public_key(card: CardState, template: Template) -> PublicKey:
    """The key of a template; an algorithm that is named must be one of signatures."""
    key = card.tree.public_key(template.reference)
    if template.mechanism is not None:
        algorithm, _ = _algorithm(card, template.mechanism)
        if algorithm.use != "sign":
            raise CardError(SW.FUNCTION_NOT_SUPPORTED, f"{algorithm.name} verifies no signatures")
    return key


def _algorithm(card: CardState, mechanism: bytes) -> tuple[Algorithm, int]:
    """The algorithm of a mechanism reference, and the hash length in bytes that it fixes (0: none)."""
    for algorithm in card.algorithms:
        if mechanism == bytes([algorithm.reference]):
            return algorithm, 0
        if mechanism in algorithm.oids:
            return algorithm, algorithm.oids[mechanism]
    raise CardError(SW.FUNCTION_NOT_SUPPORTED, f"no algorithm has the reference {mechanism.hex()}")
