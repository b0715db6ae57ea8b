# SPDX-License-Identifier: Apache-2.0
"""PERFORM SECURITY OPERATION: VERIFY CERTIFICATE (ISO/IEC 7816-8 clause 5.9): the key of an X.509 certificate is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secmod.apdu import INS, SW, CrtTag, OperationTag, ReferenceTag, Tag, Tlv
from secmod.card.certificate import Certificate
from secmod.card.dispatch import Chaining, Data, command
from secmod.card.objects.public_key import Use
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.certificate import ImportedKey
    from secmod.card.objects.public_key import PublicKey
    from secmod.card.state import CardState


@dataclass(frozen=True, slots=True)
class Import:
    """The reference of the place, and the octets of what shall be a certificate."""

    destination: int
    certificate: bytes


def _import(apdu: CommandApdu) -> Import:
    """B6 { 83 destination } and a SEQUENCE."""
    objects = Tlv.parse_all(apdu.data)
    if [entry.tag for entry in objects] != [CrtTag.DIGITAL_SIGNATURE, Tag.SEQUENCE]:
        raise CardError(SW.WRONG_DATA, "the data field must be a template B6 and a certificate")
    template = objects[0].children
    if len(template) != 1 or template[0].tag != ReferenceTag.KEY or len(template[0].value) != 1:
        raise CardError(SW.WRONG_DATA, "the template must hold the destination's reference 83 of one byte, and nothing else")
    return Import(template[0].value[0], objects[1].encode())


@command(
    "verify_certificate",
    INS.PERFORM_SECURITY_OPERATION,
    p1=OperationTag.NONE,
    p2=OperationTag.CERTIFICATE_VERIFICATION_SELF_DESCRIPTIVE,
    data=Data.REQUIRED,
    chaining=Chaining.JOINED,
    parse=_import,
)
def verify_certificate(apdu: CommandApdu, card: CardState, wanted: Import) -> None:
    """The destination holds the certified key, and the module knows that it is not earlier than the certificate's beginning.

    6985 if no verifier is selected and the destination takes no self-signed certificate now, 6A88 if the verifier's place is
    empty, 6A80 if anything is wrong with the certificate, 6983 if it, or the verifier's, is not valid now.  Then nothing changes.
    """
    destination = card.tree.public_key(wanted.destination)
    place = destination.open(Use.IMPORT, card.security_status)
    certificate, issuer = _verified(card, destination, wanted.certificate)
    description = destination.description
    if description.certificate_authority:
        certificate.check_authority()
    else:
        certificate.check_end_entity(description.role, description.kind)
    for key in (issuer, certificate.key):
        if not card.clock.within(key.not_before, key.not_after):
            raise CardError(SW.BLOCKED, f"a certificate is valid from {key.not_before} to {key.not_after}")
    # A trust anchor begins a chain of its own, also where its predecessor has signed it.
    place.replace(certificate.key if description.self_signed_in else certificate.key_below(issuer))
    card.clock.prove(certificate.key.not_before)
    if destination.authenticates:
        card.security_status.forget_roles()


def _verified(card: CardState, destination: PublicKey, octets: bytes) -> tuple[Certificate, ImportedKey]:
    """The certificate, and the key that has signed it: the selected verifier's, or its own where the profile allows that."""
    verifier = card.environment.verifying
    if card.security_status.phase in destination.description.self_signed_in:
        certificate = Certificate.parse(octets)
        if certificate.self_signed:
            return certificate, certificate.key
        if certificate.self_issued and verifier is None:
            raise CardError(SW.WRONG_DATA, "the certificate is not signed by its own key")
    issuer = _issuer(card, destination)
    certificate = Certificate.parse(octets)
    certificate.check_signed_by(issuer)
    return certificate, issuer


def _issuer(card: CardState, destination: PublicKey) -> ImportedKey:
    """The selected verifier's key."""
    verifier = card.environment.verifying
    if verifier is None:
        raise CardError(SW.CONDITIONS, "no verifier is selected")
    if not verifier.present:
        raise CardError(SW.REFERENCE_NOT_FOUND, f"{verifier.name} is empty")
    issuer = verifier.open(Use.VERIFY, card.security_status).certified
    if issuer is None or verifier.reference not in destination.description.verifiers:
        raise CardError(SW.WRONG_DATA, f"{verifier.name} verifies no certificates for {destination.name}")
    return issuer
