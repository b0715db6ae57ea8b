# SPDX-License-Identifier: Apache-2.0
"""The class byte CLA (ISO/IEC 7816-4 clause 5.4.1): its bit fields, decoded and built here and nowhere else.

000c ssnn   first interindustry     c chaining, ss secure messaging, nn channel 0..3
001x xxxx   reserved
01sc nnnn   further interindustry   s secure messaging, nnnn channel 4..19
1xxx xxxx   proprietary             read like the first interindustry form, as gematik's COS does
FF          invalid
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

from secmod.apdu.status import SW
from secmod.errors import ApduError

CHAINING = 0x10
"""The bit of every class form that says: not the last command of a chain."""


class ClassForm(Enum):
    """Which of the rows of the table a class byte belongs to."""

    FIRST = "first interindustry"
    FURTHER = "further interindustry"
    PROPRIETARY = "proprietary"
    RESERVED = "reserved"


class SecureMessaging(IntEnum):
    """The indication of secure messaging; `NONE` is false."""

    NONE = 0
    PROPRIETARY = 1
    STANDARD = 2
    """ISO secure messaging, header not in the MAC; in the further form: ISO secure messaging, nothing said of the header."""
    STANDARD_WITH_HEADER = 3
    """ISO secure messaging, header in the MAC."""


@dataclass(frozen=True, slots=True)
class ClassByte:
    """A class byte taken apart; of a reserved one only `value` and `form` say anything."""

    value: int
    form: ClassForm
    channel: int = 0
    """Logical channel, 0..19."""
    chaining: bool = False
    """Not the last command of a chain."""
    secure: SecureMessaging = SecureMessaging.NONE

    @property
    def reserved(self) -> bool:
        """No card accepts it: 20..3F and FF (6E00)."""
        return self.form is ClassForm.RESERVED

    @property
    def proprietary(self) -> bool:
        """Bit b8 is set: the meaning of the instruction is the card's own."""
        return self.form is ClassForm.PROPRIETARY

    @classmethod
    def decode(cls, value: int) -> ClassByte:
        """The fields of a class byte 00..FF.  Any value has some; raises `ApduError` (6E00) only if it is no byte."""
        if not 0 <= value <= 0xFF:
            raise ApduError(SW.CLA_NOT_SUPPORTED, f"a class byte is 0..255, not {value}")
        return CLASS_BYTES[value]

    @classmethod
    def build(
        cls,
        *,
        channel: int = 0,
        chaining: bool = False,
        secure: SecureMessaging = SecureMessaging.NONE,
        proprietary: bool = False,
    ) -> ClassByte:
        """The class byte with these fields: the first form for channels 0..3, the further form for 4..19.

        Raises `ApduError`: 6881 if no form has the channel, 6882 if the form has no such secure messaging.
        """
        if not 0 <= channel <= (3 if proprietary else 19):
            raise ApduError(SW.CHANNEL_NOT_SUPPORTED, f"{'proprietary ' * proprietary}class bytes have no channel {channel}")
        chain_bit = CHAINING if chaining else 0
        if channel <= 3:
            return CLASS_BYTES[(0x80 if proprietary else 0) | chain_bit | secure << 2 | channel]
        if secure not in (SecureMessaging.NONE, SecureMessaging.STANDARD):
            raise ApduError(SW.SM_NOT_SUPPORTED, f"class bytes of channels 4..19 can not say {secure.name}")
        return CLASS_BYTES[0x40 | (0x20 if secure else 0) | chain_bit | channel - 4]


def _decode(value: int) -> ClassByte:
    if value == 0xFF or value & 0xE0 == 0x20:
        return ClassByte(value, ClassForm.RESERVED)
    chaining = bool(value & CHAINING)
    if value & 0xC0 == 0x40:
        secure = SecureMessaging.STANDARD if value & 0x20 else SecureMessaging.NONE
        return ClassByte(value, ClassForm.FURTHER, 4 + (value & 0x0F), chaining, secure)
    form = ClassForm.PROPRIETARY if value & 0x80 else ClassForm.FIRST
    return ClassByte(value, form, value & 0x03, chaining, SecureMessaging(value >> 2 & 0x03))


CLASS_BYTES: tuple[ClassByte, ...] = tuple(_decode(value) for value in range(256))
"""All 256 of them, indexed by value: looking one up costs less than decoding it."""

__all__ = ["CHAINING", "CLASS_BYTES", "ClassByte", "ClassForm", "SecureMessaging"]
