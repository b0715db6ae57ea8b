# SPDX-License-Identifier: Apache-2.0
"""Tags of data objects.

`Tag` holds those that mean the same everywhere (templates and application class). Context tags (80..BF) mean what their template
says, so each template has an enum of its own.
"""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class Tag(IntEnum):
    """Universal and interindustry tags that need no template to be understood (ISO/IEC 7816-4, -6, -8; BSI TR-03110-3)."""

    INTEGER = 0x02
    BIT_STRING = 0x03
    OCTET_STRING = 0x04
    OBJECT_IDENTIFIER = 0x06
    SEQUENCE = 0x30
    SET = 0x31

    ISSUER_REFERENCE = 0x42
    """Certification authority reference (CAR) of a card-verifiable certificate."""
    CARD_SERVICE_DATA = 0x43
    CARD_CAPABILITIES = 0x47
    AID = 0x4F
    LABEL = 0x50
    PATH = 0x51
    DISCRETIONARY_DATA = 0x53
    OFFSET = 0x54
    TAG_LIST = 0x5C
    HOLDER_REFERENCE = 0x5F20
    """Certificate holder reference (CHR)."""
    EXPIRATION_DATE = 0x5F24
    EFFECTIVE_DATE = 0x5F25
    CERTIFICATE_PROFILE = 0x5F29
    SIGNATURE = 0x5F37
    URL = 0x5F50

    FCP = 0x62
    FMD = 0x64
    FCI = 0x6F
    DISCRETIONARY_TEMPLATE = 0x73
    DYNAMIC_AUTHENTICATION = 0x7C
    CERTIFICATE = 0x7F21
    PUBLIC_KEY = 0x7F49
    CERTIFICATE_HOLDER_AUTHORIZATION = 0x7F4C
    CERTIFICATE_BODY = 0x7F4E
    EXTENDED_LENGTH_INFORMATION = 0x7F66

    INPUT_HASH = 0x90
    """Hash code as input of VERIFY DIGITAL SIGNATURE and MSE."""
    INPUT_DATA = 0x9A
    DIGITAL_SIGNATURE = 0x9E
    PUBLIC_KEY_INPUT = 0x9C
    """The template that carries the verifying key in VERIFY DIGITAL SIGNATURE of gematik's COS."""
    BUFFER_SIZES = 0xE0
    """Four integers in EF.ATR: largest plain command and response, largest protected command and response."""


@unique
class FcpTag(IntEnum):
    """Inside file control parameters `62` and file control information `6F` (ISO/IEC 7816-4 clause 7.4.3)."""

    DATA_SIZE = 0x80
    TOTAL_SIZE = 0x81
    FILE_DESCRIPTOR = 0x82
    FILE_IDENTIFIER = 0x83
    DF_NAME = 0x84
    PROPRIETARY = 0x85
    SECURITY_PROPRIETARY = 0x86
    FCI_EXTENSION = 0x87
    SHORT_FILE_IDENTIFIER = 0x88
    LIFE_CYCLE_STATUS = 0x8A
    SECURITY_REFERENCE = 0x8B
    SECURITY_COMPACT = 0x8C
    SECURITY_ENVIRONMENT_FILE = 0x8D
    CHANNEL_SECURITY = 0x8E
    PROFILE_INDICATOR = 0x8F
    SECURITY_OF_DATA_OBJECTS = 0xA0
    SECURITY_TEMPLATE_PROPRIETARY = 0xA1
    SFI_PATHS = 0xA2
    PROPRIETARY_TEMPLATE = 0xA5
    SECURITY_EXPANDED = 0xAB
    MECHANISM_IDENTIFIER = 0xAC
    LOGICAL_END_OF_FILE = 0xC5


@unique
class CrtTag(IntEnum):
    """Control reference templates, P2 of MANAGE SECURITY ENVIRONMENT SET (ISO/IEC 7816-4 clause 10.3)."""

    AUTHENTICATION = 0xA4
    KEY_AGREEMENT = 0xA6
    HASH = 0xAA
    CRYPTOGRAPHIC_CHECKSUM = 0xB4
    DIGITAL_SIGNATURE = 0xB6
    CONFIDENTIALITY = 0xB8


@unique
class ReferenceTag(IntEnum):
    """Inside a control reference template (ISO/IEC 7816-4 clause 10.3)."""

    MECHANISM = 0x80
    FILE = 0x81
    DF_NAME = 0x82
    KEY = 0x83
    """Public or symmetric key, or password."""
    PRIVATE_KEY = 0x84
    """Private key; for PACE the reference of the domain parameters."""
    INITIAL_VECTOR = 0x87
    HASH_CODE = 0x90
    RANDOM = 0x91
    TIME_STAMP = 0x92
    SIGNATURE_COUNTER = 0x93
    CHALLENGE = 0x94
    USAGE = 0x95
    KEY_USAGE_TEMPLATE = 0xA3


@unique
class AuthenticationTag(IntEnum):
    """Inside dynamic authentication data `7C`; PACE gives 80..86 its own meaning (BSI TR-03110-3 B.1)."""

    WITNESS = 0x80
    CHALLENGE = 0x81
    RESPONSE = 0x82
    COMMITTED_CHALLENGE = 0x83
    AUTHENTICATION_CODE = 0x84
    EXPONENTIAL = 0x85
    TOKEN = 0x86
    IDENTIFICATION = 0xA0


@unique
class KeyTag(IntEnum):
    """Inside a public key template `7F49` for elliptic curves (ISO/IEC 7816-8, BSI TR-03110-3 D.3.3)."""

    OBJECT_IDENTIFIER = 0x06
    PRIME = 0x81
    COEFFICIENT_A = 0x82
    COEFFICIENT_B = 0x83
    BASE_POINT = 0x84
    ORDER = 0x85
    PUBLIC_POINT = 0x86
    COFACTOR = 0x87


@unique
class SmTag(IntEnum):
    """Secure messaging data objects (ISO/IEC 7816-4 clause 10.2)."""

    PLAIN = 0x81
    CRYPTOGRAM_BER = 0x85
    """Cryptogram of odd instructions, without padding indicator."""
    CRYPTOGRAM = 0x87
    """Padding indicator 01 and cryptogram."""
    CHECKSUM = 0x8E
    PROTECTED_LE = 0x97
    PROTECTED_STATUS = 0x99


@unique
class OperationTag(IntEnum):
    """P1 and P2 of PERFORM SECURITY OPERATION: what comes out, what goes in (ISO/IEC 7816-8 clause 11)."""

    NONE = 0x00
    PLAIN_VALUE = 0x80
    CRYPTOGRAM = 0x86
    CHECKSUM = 0x8E
    HASH_CODE = 0x90
    SIGNATURE_INPUT = 0x9A
    DIGITAL_SIGNATURE = 0x9E
    HASH_TEMPLATE = 0xA0
    CHECKSUM_VERIFICATION_TEMPLATE = 0xA2
    KEY_AGREEMENT_TEMPLATE = 0xA6
    SIGNATURE_VERIFICATION_TEMPLATE = 0xA8
    CERTIFICATE_VERIFICATION_TEMPLATE = 0xAE
    CERTIFICATE_VERIFICATION_SELF_DESCRIPTIVE = 0xBE


__all__ = [
    "AuthenticationTag",
    "CrtTag",
    "FcpTag",
    "KeyTag",
    "OperationTag",
    "ReferenceTag",
    "SmTag",
    "Tag",
]
