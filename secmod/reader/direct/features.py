# SPDX-License-Identifier: Apache-2.0
"""What a program may ask of the reader itself: attributes and controls.

They are those of the driver (native/ifd/ifdhandler.c); a test asks both, so they stay equal.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from secmod.reader.direct.messages import MAX_DATA, Protocol

VENDOR: Final = b"secmod\0"
TYPE: Final = b"secmod software reader\0"
VERSION: Final = 0x00010000  # 0xMMmmbbbb
FIRMWARE: Final = b"0.1.0"

_FEATURE_REQUEST: Final = 0x42000D48  # CM_IOCTL_GET_FEATURE_REQUEST
ESCAPE: Final = 0x42000001  # SCARD_CTL_CODE(1)
_FEATURE_CODE: Final = 0x42004000  # ours: one for each feature, its tag added
_PIN_PROPERTIES: Final = 0x0A
_TLV_PROPERTIES: Final = 0x12
_CCID_ESC_COMMAND: Final = 0x13

_FEATURES: Final = b"".join(
    struct.pack(">BBI", tag, 4, code)
    for tag, code in (
        (_PIN_PROPERTIES, _FEATURE_CODE + _PIN_PROPERTIES),
        (_TLV_PROPERTIES, _FEATURE_CODE + _TLV_PROPERTIES),
        (_CCID_ESC_COMMAND, ESCAPE),
    )
)
# Little-endian (PC/SC part 10, 2.6.14): dwMaxAPDUDataSize (extended length works), bPPDUSupport, vendor, product, firmware.
_PROPERTIES: Final = b"".join(
    bytes((tag, len(value))) + value
    for tag, value in (
        (0x0A, (0x10000).to_bytes(4, "little")),
        (0x09, b"\0"),
        (0x0B, b"\0\0"),
        (0x0C, b"\0\0"),
        (0x08, FIRMWARE),
    )
)

CONTROLS: Final[dict[int, bytes]] = {
    _FEATURE_REQUEST: _FEATURES,
    _FEATURE_CODE + _PIN_PROPERTIES: bytes(4),  # no display, no pad (PC/SC part 10, 2.5.5)
    _FEATURE_CODE + _TLV_PROPERTIES: _PROPERTIES,
}
"""Control code → answer; they need no card."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What attributes are made of."""

    name: str
    number: int
    present: bool
    powered: bool
    atr: bytes
    protocol: Protocol


def attribute(identifier: int, facts: Facts) -> bytes | None:
    """The value of an attribute (PC/SC part 3, 3.1.1), or None for one that there is not."""
    match identifier:
        case 0x10100:  # VENDOR_NAME
            return VENDOR
        case 0x10101:  # VENDOR_IFD_TYPE
            return TYPE
        case 0x10102:  # VENDOR_IFD_VERSION
            return struct.pack("=I", VERSION)
        case 0x10103:  # VENDOR_IFD_SERIAL_NO
            return b"%04d\0" % facts.number
        case 0x20110:  # CHANNEL_ID; 0xF0: a kind of the vendor's own
            return struct.pack("=I", 0x00F00000 | facts.number)
        case 0x80201:  # CURRENT_PROTOCOL_TYPE
            return struct.pack("=I", facts.protocol)
        case 0x90300:  # ICC_PRESENCE
            return b"\2" if facts.present else b"\0"
        case 0x90301:  # ICC_INTERFACE_STATUS
            return b"\1" if facts.powered else b"\0"
        case 0x0303 | 0x90303:  # TAG_IFD_ATR, ATR_STRING
            return facts.atr if facts.powered else b""
        case 0x7A007:  # MAXINPUT
            return struct.pack("=I", MAX_DATA)
        case 0x7FFF0003 | 0x7FFF0004:  # DEVICE_FRIENDLY_NAME, DEVICE_SYSTEM_NAME
            return facts.name.encode() + b"\0"
    return _capability(identifier)


def _capability(identifier: int) -> bytes | None:
    """The driver's own tags that a program may read as well; functions are the driver's alone."""
    return {0x0FAF: b"\x10", 0x0FAD: b"\1", 0x0FAC: b"\1", 0x0FAE: b"\1", 0x0FB1: b"\0"}.get(identifier)


__all__ = ["Facts", "attribute"]
