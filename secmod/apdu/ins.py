# SPDX-License-Identifier: Apache-2.0
"""Instruction bytes (ISO/IEC 7816-4, 7816-8 and 7816-9): the whole interindustry table."""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class INS(IntEnum):
    """The instruction byte of a command; names ending in `_BER` are the odd forms, whose data fields are BER-TLV."""

    DEACTIVATE = 0x04
    DEACTIVATE_RECORD = 0x06
    ACTIVATE_RECORD = 0x08
    ERASE_RECORD = 0x0C
    ERASE_BINARY = 0x0E
    ERASE_BINARY_BER = 0x0F
    VERIFY = 0x20
    VERIFY_BER = 0x21
    MANAGE_SECURITY_ENVIRONMENT = 0x22
    CHANGE_REFERENCE_DATA = 0x24
    DISABLE_VERIFICATION_REQUIREMENT = 0x26
    ENABLE_VERIFICATION_REQUIREMENT = 0x28
    PERFORM_SECURITY_OPERATION = 0x2A
    RESET_RETRY_COUNTER = 0x2C
    ACTIVATE = 0x44
    GENERATE_ASYMMETRIC_KEY_PAIR = 0x46
    GENERATE_ASYMMETRIC_KEY_PAIR_BER = 0x47
    MANAGE_CHANNEL = 0x70
    EXTERNAL_AUTHENTICATE = 0x82
    GET_CHALLENGE = 0x84
    GENERAL_AUTHENTICATE = 0x86
    GENERAL_AUTHENTICATE_BER = 0x87
    INTERNAL_AUTHENTICATE = 0x88
    SEARCH_BINARY = 0xA0
    SEARCH_BINARY_BER = 0xA1
    SEARCH_RECORD = 0xA2
    SELECT = 0xA4
    READ_BINARY = 0xB0
    READ_BINARY_BER = 0xB1
    READ_RECORD = 0xB2
    READ_RECORD_BER = 0xB3
    GET_RESPONSE = 0xC0
    ENVELOPE = 0xC2
    ENVELOPE_BER = 0xC3
    GET_DATA = 0xCA
    GET_DATA_BER = 0xCB
    WRITE_BINARY = 0xD0
    WRITE_BINARY_BER = 0xD1
    WRITE_RECORD = 0xD2
    UPDATE_BINARY = 0xD6
    UPDATE_BINARY_BER = 0xD7
    PUT_DATA = 0xDA
    PUT_DATA_BER = 0xDB
    UPDATE_RECORD = 0xDC
    UPDATE_RECORD_BER = 0xDD
    CREATE_FILE = 0xE0
    APPEND_RECORD = 0xE2
    DELETE = 0xE4
    TERMINATE_DF = 0xE6
    TERMINATE = 0xE8
    LOAD_APPLICATION = 0xEA
    TERMINATE_CARD_USAGE = 0xFE

    @property
    def title(self) -> str:
        """The standard's spelling, for people: "READ BINARY", "READ BINARY (BER-TLV)"."""
        name, ber, _ = self.name.partition("_BER")
        return name.replace("_", " ") + (" (BER-TLV)" if ber else "")


def ins_title(ins: int) -> str:
    """The name of an instruction byte for logs and messages; "INS 77" if the standard has none."""
    try:
        return INS(ins).title
    except ValueError:
        return f"INS {ins:02X}"


def is_invalid_ins(ins: int) -> bool:
    """True for 6x and 9x: they would be taken for status bytes under T=0, and no card knows them (ISO/IEC 7816-3 10.3.2)."""
    return ins & 0xF0 in (0x60, 0x90)


__all__ = ["INS", "ins_title", "is_invalid_ins"]
