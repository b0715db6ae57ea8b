# SPDX-License-Identifier: Apache-2.0
"""Status words (ISO/IEC 7816-4 clause 5.6): the two bytes SW1 SW2 that end every response."""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class SW(IntEnum):
    """A status word.

    Every value 0000..FFFF is one: `SW(0x1234)` gives a pseudo member without a name of the standard. Prints as four hex digits.
    """

    OK = 0x9000

    WARNING_UNCHANGED = 0x6200
    WARNING_CORRUPT = 0x6281
    END_OF_FILE = 0x6282
    DEACTIVATED = 0x6283
    FCI_BADLY_FORMATTED = 0x6284
    TERMINATED = 0x6285
    NO_SENSOR_DATA = 0x6286
    RECORD_DEACTIVATED = 0x6287
    AUTHENTICATION_FAILED = 0x6300
    FILE_FILLED = 0x6381

    EXECUTION_ERROR = 0x6400
    RESPONSE_REQUIRED = 0x6401
    EXECUTION_ERROR_CHANGED = 0x6500
    MEMORY_FAILURE = 0x6581
    SECURITY_ISSUE = 0x6600

    WRONG_LENGTH = 0x6700
    CLA_FUNCTION_NOT_SUPPORTED = 0x6800
    CHANNEL_NOT_SUPPORTED = 0x6881
    SM_NOT_SUPPORTED = 0x6882
    LAST_OF_CHAIN_EXPECTED = 0x6883
    CHAINING_NOT_SUPPORTED = 0x6884
    COMMAND_NOT_ALLOWED = 0x6900
    FILE_STRUCTURE = 0x6981
    SECURITY_STATUS = 0x6982
    BLOCKED = 0x6983
    REFERENCE_UNUSABLE = 0x6984
    CONDITIONS = 0x6985
    NO_CURRENT_EF = 0x6986
    SM_OBJECT_MISSING = 0x6987
    SM_OBJECT_WRONG = 0x6988
    WRONG_PARAMETERS = 0x6A00
    WRONG_DATA = 0x6A80
    FUNCTION_NOT_SUPPORTED = 0x6A81
    FILE_NOT_FOUND = 0x6A82
    RECORD_NOT_FOUND = 0x6A83
    NO_SPACE = 0x6A84
    NC_TLV = 0x6A85
    WRONG_P1P2 = 0x6A86
    NC_P1P2 = 0x6A87
    REFERENCE_NOT_FOUND = 0x6A88
    FILE_EXISTS = 0x6A89
    DF_NAME_EXISTS = 0x6A8A
    WRONG_OFFSET = 0x6B00
    INS_NOT_SUPPORTED = 0x6D00
    CLA_NOT_SUPPORTED = 0x6E00
    NO_DIAGNOSIS = 0x6F00

    @classmethod
    def _missing_(cls, value: object) -> SW | None:
        if not isinstance(value, int) or not 0 <= value <= 0xFFFF:
            return None
        member = int.__new__(cls, value)
        member._name_ = f"SW_{value:04X}"
        member._value_ = value
        # Kept, as Flag does it: the next SW(value) is the same object and needs no call of this function.
        return cls._value2member_map_.setdefault(value, member)  # type: ignore[return-value]

    def __reduce_ex__(self, protocol: object) -> tuple[type[SW], tuple[int]]:
        """By value: Python before 3.11.4 pickles and copies by name, and pseudo members can not be found by theirs."""
        return SW, (int(self),)

    @classmethod
    def retries_left(cls, tries: int) -> SW:
        """63Cx: the comparison failed, `tries` are left; a larger counter than 15 is given as 15."""
        return cls(0x63C0 | min(tries, 0x0F))

    @classmethod
    def bytes_waiting(cls, count: int) -> SW:
        """61xx: done, `count` bytes wait for GET RESPONSE; 256 or more are given as 00."""
        return cls(0x6100 | (count if count < 0x100 else 0))

    @classmethod
    def correct_le(cls, count: int) -> SW:
        """6Cxx: wrong Le, exactly `count` bytes (1..256, the latter as 00) are there to be asked for."""
        return cls(0x6C00 | (count & 0xFF))

    @property
    def sw1(self) -> int:
        """The first status byte, which names the family."""
        return self >> 8

    @property
    def sw2(self) -> int:
        """The second status byte: a detail, or the count of a family."""
        return self & 0xFF

    @property
    def is_warning(self) -> bool:
        """62xx, 63xx: done, with something to know; data may accompany it."""
        return self >> 8 in (0x62, 0x63)

    @property
    def is_error(self) -> bool:
        """Neither done (9000, 61xx) nor a warning: nothing was done, or not all of it, and no data comes with it."""
        return self >> 8 not in (0x61, 0x62, 0x63) and self != 0x9000

    @property
    def meaning(self) -> str:
        """One English sentence, for the families with a count too."""
        known = _MEANINGS.get(self)
        if known is not None:
            return known
        if self & 0xFFF0 == 0x63C0:
            tries = self & 0x0F
            return f"Comparison failed, {tries} {'try' if tries == 1 else 'tries'} left."
        family = _FAMILIES.get(self.sw1)
        if family is None:
            return "Not a status word of the standard."
        return family.format(count=self.sw2 or 256)

    def __str__(self) -> str:
        return f"{int(self):04X}"

    def __format__(self, spec: str) -> str:
        return int.__format__(self, spec) if spec else str(self)

    def __repr__(self) -> str:
        return f"SW.{self.name}" if self in _MEANINGS else f"SW(0x{int(self):04X})"


_MEANINGS: dict[int, str] = {
    SW.OK: "Done.",
    SW.WARNING_UNCHANGED: "Done with a warning, nothing was changed.",
    SW.WARNING_CORRUPT: "Part of the returned data may be corrupt.",
    SW.END_OF_FILE: "The file or record ended before the expected length, or the search found nothing.",
    SW.DEACTIVATED: "The selected file or the referenced object is deactivated.",
    SW.FCI_BADLY_FORMATTED: "The file control information is badly formatted.",
    SW.TERMINATED: "The selected file is terminated.",
    SW.NO_SENSOR_DATA: "No input from a sensor on the card.",
    SW.RECORD_DEACTIVATED: "A referenced record is deactivated.",
    SW.AUTHENTICATION_FAILED: "The authentication or comparison failed.",
    SW.FILE_FILLED: "The file was filled up by the last write.",
    SW.EXECUTION_ERROR: "Execution error, nothing was changed.",
    SW.RESPONSE_REQUIRED: "The card needs an immediate response.",
    SW.EXECUTION_ERROR_CHANGED: "Execution error, something was changed.",
    SW.MEMORY_FAILURE: "Memory failure while writing.",
    SW.SECURITY_ISSUE: "Security-related issue.",
    SW.WRONG_LENGTH: "Wrong length.",
    SW.CLA_FUNCTION_NOT_SUPPORTED: "A function of the class byte is not supported.",
    SW.CHANNEL_NOT_SUPPORTED: "The logical channel is not supported or not open.",
    SW.SM_NOT_SUPPORTED: "This form of secure messaging is not supported.",
    SW.LAST_OF_CHAIN_EXPECTED: "The last command of the chain was expected.",
    SW.CHAINING_NOT_SUPPORTED: "Command chaining is not supported here.",
    SW.COMMAND_NOT_ALLOWED: "The command is not allowed.",
    SW.FILE_STRUCTURE: "The command does not fit the structure of the file.",
    SW.SECURITY_STATUS: "The security status does not satisfy the access rule.",
    SW.BLOCKED: "The authentication method is blocked.",
    SW.REFERENCE_UNUSABLE: "The referenced key or password can not be used.",
    SW.CONDITIONS: "The conditions of use are not satisfied.",
    SW.NO_CURRENT_EF: "No elementary file is selected.",
    SW.SM_OBJECT_MISSING: "An expected secure messaging data object is missing.",
    SW.SM_OBJECT_WRONG: "A secure messaging data object is wrong.",
    SW.WRONG_PARAMETERS: "Wrong parameters P1-P2.",
    SW.WRONG_DATA: "Wrong content of the command data field.",
    SW.FUNCTION_NOT_SUPPORTED: "The function or algorithm is not supported.",
    SW.FILE_NOT_FOUND: "File or application not found.",
    SW.RECORD_NOT_FOUND: "Record not found.",
    SW.NO_SPACE: "Not enough memory, or the data goes beyond the end of the file.",
    SW.NC_TLV: "The data length does not agree with the TLV structure.",
    SW.WRONG_P1P2: "Wrong parameters P1-P2 for this instruction.",
    SW.NC_P1P2: "The data length does not agree with P1-P2.",
    SW.REFERENCE_NOT_FOUND: "The referenced key, password or data object was not found.",
    SW.FILE_EXISTS: "The file exists already.",
    SW.DF_NAME_EXISTS: "The application identifier exists already.",
    SW.WRONG_OFFSET: "The offset is outside the file.",
    SW.INS_NOT_SUPPORTED: "The instruction is not supported.",
    SW.CLA_NOT_SUPPORTED: "The class is not supported.",
    SW.NO_DIAGNOSIS: "Internal fault, no diagnosis.",
}

_FAMILIES: dict[int, str] = {
    0x61: "Done, {count} or more bytes wait for GET RESPONSE.",
    0x62: "Done with a warning, nothing was changed.",
    0x63: "Done with a warning, something was changed.",
    0x64: "Execution error, nothing was changed.",
    0x65: "Execution error, something was changed.",
    0x66: "Security-related issue.",
    0x67: "Wrong length.",
    0x68: "A function of the class byte is not supported.",
    0x69: "The command is not allowed.",
    0x6A: "Wrong parameters P1-P2.",
    0x6B: "Wrong parameters P1-P2.",
    0x6C: "Wrong expected length, {count} bytes are there.",
    0x6D: "The instruction is not supported.",
    0x6E: "The class is not supported.",
    0x6F: "Internal fault.",
}

__all__ = ["SW"]
