# SPDX-License-Identifier: Apache-2.0
"""What a card says about itself in its answer to reset (ISO/IEC 7816-4 clause 12.1.1)."""

from __future__ import annotations

from dataclasses import dataclass

from secmod.apdu import Cursor
from secmod.errors import TlvError

_COMPACT_WITH_STATUS, _COMPACT = 0x00, 0x80  # category indicators: compact TLV with and without a status indicator behind
_STATUS_BYTES = 3
_CARD_CAPABILITIES = 0x7  # the tag 47, compact
_CHAINING, _EXTENDED = 0x80, 0x40  # of its third byte


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Which ways a card has for data too long for a short command."""

    chaining: bool
    extended: bool

    @classmethod
    def of_atr(cls, atr: bytes) -> Capabilities | None:
        """What the historical bytes say; None if they say nothing of it."""
        try:
            value = _card_capabilities(_historical(atr))
        except TlvError:
            return None
        if value is None or len(value) < 3:
            return None
        return cls(chaining=bool(value[2] & _CHAINING), extended=bool(value[2] & _EXTENDED))


def _historical(atr: bytes) -> bytes:
    """The historical bytes of an ATR (ISO/IEC 7816-3 clause 8.2)."""
    cursor = Cursor(atr)
    cursor.take(1)
    form = cursor.take_int(1)
    count, group = form & 0x0F, form >> 4
    while group:
        cursor.take((group & 0b0111).bit_count())
        group = cursor.take_int(1) >> 4 if group & 0b1000 else 0
    return cursor.take(count)


def _card_capabilities(historical: bytes) -> bytes | None:
    cursor = Cursor(historical)
    category = cursor.take_int(1)
    if category not in (_COMPACT_WITH_STATUS, _COMPACT):
        return None
    behind = _STATUS_BYTES if category == _COMPACT_WITH_STATUS else 0
    while cursor.remaining > behind:
        head = cursor.take_int(1)
        value = cursor.take(head & 0x0F)
        if head >> 4 == _CARD_CAPABILITIES:
            return value
    return None


__all__ = ["Capabilities"]
