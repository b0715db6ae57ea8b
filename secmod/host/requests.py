# SPDX-License-Identifier: Apache-2.0
"""The commands of the gateway's tasks, as values; references, tags and proprietary instructions are the caller's."""

from __future__ import annotations

from secmod.apdu import INS, AuthenticationTag, CommandApdu, CrtTag, KeyTag, OperationTag, ReferenceTag, Tag, Tlv
from secmod.crypto import Curve

ANY = 256  # Ne: whatever there is, in a short response
ALL = 65536  # Ne: in an extended one

_FOR_COMPUTATION, _FOR_VERIFICATION, _FOR_PACE = 0x41, 0x81, 0xC1  # P1 of MANAGE SECURITY ENVIRONMENT SET
_PRIVATE_KEY, _PUBLIC_KEY = 0x20, 0x21  # P1 of ACTIVATE, DEACTIVATE, TERMINATE, DELETE
_CHAINED, _LAST = 0x10, 0x00  # CLA
LIFE = {"activate": INS.ACTIVATE, "deactivate": INS.DEACTIVATE, "terminate": INS.TERMINATE, "delete": INS.DELETE}

# ---- files -----------------------------------------------------------------------------------------------------------------


def select_application(aid: bytes) -> CommandApdu:
    """SELECT by DF name."""
    return CommandApdu(0x00, INS.SELECT, 0x04, 0x0C, aid)


def select_path(path: bytes) -> CommandApdu:
    """SELECT by path from the MF, whose own identifier is left out."""
    return CommandApdu(0x00, INS.SELECT, 0x08, 0x0C, path)


def select_file(fid: int) -> CommandApdu:
    """SELECT an EF of the current DF."""
    return CommandApdu(0x00, INS.SELECT, 0x02, 0x0C, fid.to_bytes(2))


def read_binary(offset: int, length: int) -> CommandApdu:
    """Bytes of the current EF."""
    return CommandApdu(0x00, INS.READ_BINARY, offset >> 8, offset & 0xFF, b"", length)


def update_binary(offset: int, data: bytes) -> CommandApdu:
    """Bytes into the current EF."""
    return CommandApdu(0x00, INS.UPDATE_BINARY, offset >> 8, offset & 0xFF, data)


# ---- data objects and the module as a whole ----------------------------------------------------------------------------------


def get_data(tag: int, length: int = ANY) -> CommandApdu:
    """The value of a data object."""
    return CommandApdu(0x00, INS.GET_DATA, tag >> 8, tag & 0xFF, b"", length)


def put_data(tag: int, value: bytes) -> CommandApdu:
    """Another value for a data object."""
    return CommandApdu(0x00, INS.PUT_DATA, tag >> 8, tag & 0xFF, value)


def get_challenge(length: int) -> CommandApdu:
    """GET CHALLENGE."""
    return CommandApdu(0x00, INS.GET_CHALLENGE, 0x00, 0x00, b"", length)


def get_random(length: int) -> CommandApdu:
    """The same of the proprietary class: random bytes that are no challenge."""
    return CommandApdu(0x80, INS.GET_CHALLENGE, 0x00, 0x00, b"", length)


def self_test(instruction: int) -> CommandApdu:
    """The self-test, of the proprietary class."""
    return CommandApdu(0x80, instruction, 0x00, 0x00)


def terminate_card_usage() -> CommandApdu:
    """The end of the module's life."""
    return CommandApdu(0x00, INS.TERMINATE_CARD_USAGE, 0x00, 0x00)


# ---- passwords and PACE ------------------------------------------------------------------------------------------------------


def verify(reference: int) -> CommandApdu:
    """VERIFY without data: asks how a password stands."""
    return CommandApdu(0x00, INS.VERIFY, 0x00, reference)


def change_reference_data(reference: int, new: bytes, old: bytes | None) -> CommandApdu:
    """A new value for a password, behind the old one if that is given."""
    return CommandApdu(0x00, INS.CHANGE_REFERENCE_DATA, 0x01 if old is None else 0x00, reference, (old or b"") + new)


def reset_retry_counter(reference: int, new: bytes | None) -> CommandApdu:
    """All tries again for a password, and a new value if one is given."""
    return CommandApdu(0x00, INS.RESET_RETRY_COUNTER, 0x03 if new is None else 0x02, reference, new or b"")


def select_pace(protocol: bytes, reference: int) -> CommandApdu:
    """MSE SET AT (TR-03110-3 B.11.1): the protocol's identifier (value octets) and the password."""
    data = Tlv(ReferenceTag.MECHANISM, protocol).encode() + Tlv(ReferenceTag.KEY, bytes([reference])).encode()
    return CommandApdu(0x00, INS.MANAGE_SECURITY_ENVIRONMENT, _FOR_PACE, CrtTag.AUTHENTICATION, data)


def pace_step(content: Tlv | None, *, last: bool = False) -> CommandApdu:
    """A step of PACE (TR-03110-3 B.1)."""
    data = Tlv.of(Tag.DYNAMIC_AUTHENTICATION, *(() if content is None else (content,))).encode()
    return CommandApdu(_LAST if last else _CHAINED, INS.GENERAL_AUTHENTICATE, 0x00, 0x00, data, ANY)


def external_authenticate(signature: bytes) -> CommandApdu:
    """The answer to the module's challenge."""
    return CommandApdu(0x00, INS.EXTERNAL_AUTHENTICATE, 0x00, 0x00, signature)


# ---- private keys ------------------------------------------------------------------------------------------------------------


def generate_key(reference: int, curve: Curve | None, *, overwrite: bool) -> CommandApdu:
    """A fresh key pair, whose public key comes back."""
    data = b"" if curve is None else Tlv.of(Tag.PUBLIC_KEY, Tlv(Tag.OBJECT_IDENTIFIER, curve.oid)).encode()
    return CommandApdu(0x00, INS.GENERATE_ASYMMETRIC_KEY_PAIR, 0xC0 if overwrite else 0x80, reference, data, ANY)


def read_public_key(reference: int) -> CommandApdu:
    """The public key of a pair that is there."""
    return CommandApdu(0x00, INS.GENERATE_ASYMMETRIC_KEY_PAIR, 0x81, reference, b"", ANY)


def change_life(step: str, reference: int) -> CommandApdu:
    """ACTIVATE, DEACTIVATE, TERMINATE or DELETE a private key; `step` is a key of LIFE."""
    return CommandApdu(0x00, LIFE[step], _PRIVATE_KEY, reference)


def select_signing(reference: int, algorithm: int) -> CommandApdu:
    """MSE SET DST: the key and algorithm that sign from now on."""
    return _select_private(CrtTag.DIGITAL_SIGNATURE, reference, algorithm)


def compute_signature(digest: bytes) -> CommandApdu:
    """PSO COMPUTE DIGITAL SIGNATURE."""
    return CommandApdu(0x00, INS.PERFORM_SECURITY_OPERATION, 0x9E, 0x9A, digest, ANY)


def select_agreement(reference: int, algorithm: int) -> CommandApdu:
    """MSE SET KAT: the key and algorithm that agree values from now on."""
    return _select_private(CrtTag.KEY_AGREEMENT, reference, algorithm)


def agree(point: bytes) -> CommandApdu:
    """GENERAL AUTHENTICATE with the other party's point."""
    data = Tlv.of(Tag.DYNAMIC_AUTHENTICATION, Tlv(AuthenticationTag.EXPONENTIAL, point)).encode()
    return CommandApdu(0x00, INS.GENERAL_AUTHENTICATE, 0x00, 0x00, data, ANY)


def _select_private(template: CrtTag, reference: int, algorithm: int) -> CommandApdu:
    data = Tlv(ReferenceTag.PRIVATE_KEY, bytes([reference])).encode() + Tlv(ReferenceTag.MECHANISM, bytes([algorithm])).encode()
    return CommandApdu(0x00, INS.MANAGE_SECURITY_ENVIRONMENT, _FOR_COMPUTATION, template, data)


# ---- public keys -------------------------------------------------------------------------------------------------------------


def select_verification(reference: int) -> CommandApdu:
    """MSE SET DST: the stored public key that verifies from now on."""
    data = Tlv(ReferenceTag.KEY, bytes([reference])).encode()
    return CommandApdu(0x00, INS.MANAGE_SECURITY_ENVIRONMENT, _FOR_VERIFICATION, CrtTag.DIGITAL_SIGNATURE, data)


def select_authentication(reference: int, algorithm: int) -> CommandApdu:
    """MSE SET AT: the stored public key that EXTERNAL AUTHENTICATE is verified with."""
    data = Tlv(ReferenceTag.KEY, bytes([reference])).encode() + Tlv(ReferenceTag.MECHANISM, bytes([algorithm])).encode()
    return CommandApdu(0x00, INS.MANAGE_SECURITY_ENVIRONMENT, _FOR_VERIFICATION, CrtTag.AUTHENTICATION, data)


def verify_signature(digest: bytes, signature: bytes, key: tuple[Curve, bytes] | None) -> CommandApdu:
    """PSO VERIFY DIGITAL SIGNATURE, by the selected key, or by a curve and point in the command."""
    hashed, signed = Tlv(Tag.INPUT_HASH, digest), Tlv(Tag.DIGITAL_SIGNATURE, signature)
    if key is None:
        objects: tuple[Tlv, ...] = (hashed, signed)
    else:
        curve, point = key
        template = Tlv.of(Tag.PUBLIC_KEY, Tlv(KeyTag.PUBLIC_POINT, point))
        objects = (Tlv(Tag.OBJECT_IDENTIFIER, curve.oid), hashed, Tlv.of(Tag.PUBLIC_KEY_INPUT, template), signed)
    return CommandApdu(0x00, INS.PERFORM_SECURITY_OPERATION, 0x00, 0xA8, b"".join(part.encode() for part in objects))


def verify_certificate(destination: int, certificate: bytes) -> CommandApdu:
    """PSO VERIFY CERTIFICATE: an X.509 certificate (DER) for the place of a public key."""
    template = Tlv.of(CrtTag.DIGITAL_SIGNATURE, Tlv(ReferenceTag.KEY, bytes([destination])))
    return CommandApdu(
        0x00,
        INS.PERFORM_SECURITY_OPERATION,
        0x00,
        OperationTag.CERTIFICATE_VERIFICATION_SELF_DESCRIPTIVE,
        template.encode() + certificate,
    )


def delete_public_key(reference: int) -> CommandApdu:
    """DELETE a public key."""
    return CommandApdu(0x00, INS.DELETE, _PUBLIC_KEY, 0x00, Tlv(ReferenceTag.KEY, bytes([reference])).encode())
