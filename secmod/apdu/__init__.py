# SPDX-License-Identifier: Apache-2.0
"""The language of ISO/IEC 7816-4 as values: no state but that of a chain or a T=0 dialogue, and no input or output.

command.py    CommandApdu: cases 1 to 4, short and extended; parse (in the core) and encode
response.py   ResponseApdu: data and status word
chaining.py   ChainBuffer (card) and split (host): data too long for one command
t0.py         T0Mapper (card) and exchange (host): the same over T=0, with GET RESPONSE and ENVELOPE
cla.py        ClassByte: the bit fields of CLA, all 256
ins.py        INS: the instructions of the standard
status.py     SW: the status words and their meanings
tags.py       Tag, and an enum for the context tags of each template
cursor.py     Cursor: take(n) with bounds
tlv.py        Tlv: BER-TLV data objects
"""

from __future__ import annotations

from secmod.apdu.chaining import ChainBuffer, split
from secmod.apdu.cla import ClassByte, ClassForm, SecureMessaging
from secmod.apdu.command import CommandApdu
from secmod.apdu.cursor import Cursor
from secmod.apdu.ins import INS
from secmod.apdu.response import ResponseApdu
from secmod.apdu.status import SW
from secmod.apdu.t0 import T0Mapper, exchange
from secmod.apdu.tags import AuthenticationTag, CrtTag, FcpTag, KeyTag, OperationTag, ReferenceTag, SmTag, Tag
from secmod.apdu.tlv import Tlv

__all__ = [
    "INS",
    "SW",
    "AuthenticationTag",
    "ChainBuffer",
    "ClassByte",
    "ClassForm",
    "CommandApdu",
    "CrtTag",
    "Cursor",
    "FcpTag",
    "KeyTag",
    "OperationTag",
    "ReferenceTag",
    "ResponseApdu",
    "SecureMessaging",
    "SmTag",
    "T0Mapper",
    "Tag",
    "Tlv",
    "exchange",
    "split",
]
