# SPDX-License-Identifier: Apache-2.0
"""MANAGE SECURITY ENVIRONMENT (ISO/IEC 7816-4 clause 11.5.11): SET and RESTORE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secmod.apdu import INS, SW, CrtTag, ReferenceTag, Tlv
from secmod.card.dispatch import Data, command
from secmod.card.security_environment import SigningKey
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState
    from secmod.profile.model import Algorithm

SET_FOR_COMPUTATION, SET_FOR_VERIFICATION, RESTORE = 0x41, 0x81, 0xF3


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
    key = card.tree.private_keys.get(template.reference)
    if key is None:
        raise CardError(SW.REFERENCE_NOT_FOUND, f"no private key {template.reference:02X}")
    if template.mechanism is None:
        if len(key.algorithms) != 1:
            raise CardError(SW.WRONG_DATA, f"{key.name} has several algorithms; name one in data object 80")
        named = [algorithm for algorithm in card.algorithms if algorithm.name == key.algorithms[0]]
        algorithm, hash_length = named[0], 0
    else:
        algorithm, hash_length = _algorithm(card, template.mechanism)
    if algorithm.name not in key.algorithms or algorithm.use != "sign":
        raise CardError(SW.FUNCTION_NOT_SUPPORTED, f"{key.name} does not sign with {algorithm.name}")
    card.environment.signing = SigningKey(key, algorithm, hash_length)


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
    key = card.tree.public_keys.get(template.reference)
    if key is None:
        raise CardError(SW.REFERENCE_NOT_FOUND, f"no public key {template.reference:02X}")
    if template.mechanism is not None:
        algorithm, _ = _algorithm(card, template.mechanism)
        if algorithm.use != "sign":
            raise CardError(SW.FUNCTION_NOT_SUPPORTED, f"{algorithm.name} verifies no signatures")
    card.environment.verifying = key


@command("manage_security_environment", INS.MANAGE_SECURITY_ENVIRONMENT, p1=RESTORE, data=Data.NEVER, parameters=Environments)
def restore(apdu: CommandApdu, card: CardState, known: Environments) -> None:
    """Nothing is selected any more; 6A88 for an environment the profile does not have."""
    if apdu.p2 not in known.environments:
        raise CardError(SW.REFERENCE_NOT_FOUND, f"no security environment {apdu.p2}")
    card.environment.clear()


def _algorithm(card: CardState, mechanism: bytes) -> tuple[Algorithm, int]:
    """The algorithm of a mechanism reference, and the hash length in bytes that it fixes (0: none)."""
    for algorithm in card.algorithms:
        if mechanism == bytes([algorithm.reference]):
            return algorithm, 0
        if mechanism in algorithm.oids:
            return algorithm, algorithm.oids[mechanism]
    raise CardError(SW.FUNCTION_NOT_SUPPORTED, f"no algorithm has the reference {mechanism.hex()}")
