# SPDX-License-Identifier: Apache-2.0
"""The messages between pcsc-lite's client library and pcscd as values (protocols 4:4 and 4:5); no sockets here.

A request is a header and the structure of its command; some are followed by data.  The answer is the same structure, filled
in, without a header.  Numbers are in the machine's order, 32 bits each; a reader's state is one fixed structure.
"""

from __future__ import annotations

import struct
from enum import IntEnum, IntFlag
from typing import Final

MAJOR: Final = 4
MINORS: Final = frozenset({4, 5})  # 4:5 (libraries 2.3 and 2.4) adds GET_READER_EVENTS and nothing else
MAX_DATA: Final = 65548  # bytes of a command, a response, a control
MAX_ATTRIBUTE: Final = 264
MAX_READERS: Final = 16  # the table of states has so many places
MAX_CONTEXTS: Final = 200
MAX_HANDLES: Final = 200  # of a context, and of a reader
MAX_NAME: Final = 127
EXCLUSIVE: Final = -1  # in the place of the number of handles


class Command(IntEnum):
    """Second number of a header."""

    ESTABLISH_CONTEXT = 0x01
    RELEASE_CONTEXT = 0x02
    CONNECT = 0x04
    RECONNECT = 0x05
    DISCONNECT = 0x06
    BEGIN_TRANSACTION = 0x07
    END_TRANSACTION = 0x08
    TRANSMIT = 0x09
    CONTROL = 0x0A
    STATUS = 0x0B
    CANCEL = 0x0D
    GET_ATTRIB = 0x0F
    SET_ATTRIB = 0x10
    VERSION = 0x11
    GET_READERS_STATE = 0x12
    WAIT_READER_STATE_CHANGE = 0x13
    STOP_WAITING_READER_STATE_CHANGE = 0x14
    GET_READER_EVENTS = 0x15


class Result(IntEnum):
    """Return codes of PC/SC (SCARD_S_, SCARD_F_, SCARD_E_ and SCARD_W_)."""

    SUCCESS = 0
    INTERNAL_ERROR = 0x80100001
    CANCELLED = 0x80100002
    INVALID_HANDLE = 0x80100003
    NO_MEMORY = 0x80100006
    INSUFFICIENT_BUFFER = 0x80100008
    UNKNOWN_READER = 0x80100009
    SHARING_VIOLATION = 0x8010000B
    NO_SMARTCARD = 0x8010000C
    PROTO_MISMATCH = 0x8010000F
    INVALID_VALUE = 0x80100011
    NOT_TRANSACTED = 0x80100016
    SERVICE_STOPPED = 0x8010001E
    UNSUPPORTED_FEATURE = 0x8010001F
    UNRESPONSIVE_CARD = 0x80100066
    UNPOWERED_CARD = 0x80100067
    RESET_CARD = 0x80100068
    REMOVED_CARD = 0x80100069


class ReaderState(IntFlag):
    """What the table says of a reader."""

    ABSENT = 0x02
    PRESENT = 0x04
    SWALLOWED = 0x08
    POWERED = 0x10
    NEGOTIABLE = 0x20

    READY = PRESENT | POWERED | NEGOTIABLE
    MUTE = PRESENT | SWALLOWED


class Protocol(IntFlag):
    """SCARD_PROTOCOL_; ANY_OLD is what very old programs write for T0 | T1."""

    UNDEFINED = 0
    T0 = 0x01
    T1 = 0x02
    RAW = 0x04
    T15 = 0x08
    ANY_OLD = 0x1000


class Share(IntEnum):
    """SCARD_SHARE_."""

    EXCLUSIVE = 1
    SHARED = 2
    DIRECT = 3


class Disposition(IntEnum):
    """What becomes of the card at the end of a handle or transaction."""

    LEAVE = 0
    RESET = 1
    UNPOWER = 2
    EJECT = 3


SCOPES: Final = range(4)

HEADER: Final = struct.Struct("=II")  # size of the structure, command
VERSION: Final = struct.Struct("=iiI")  # major, minor, result
CONTEXT: Final = struct.Struct("=III")  # scope, context, result
RELEASE: Final = struct.Struct("=II")  # context, result
CONNECT: Final = struct.Struct("=I128sIIIII")  # context, reader, share, protocols, handle, protocol, result
RECONNECT: Final = struct.Struct("=IIIIII")  # handle, share, protocols, initialization, protocol, result
DISPOSE: Final = struct.Struct("=III")  # handle, disposition, result: disconnect and end of transaction
HANDLE: Final = struct.Struct("=II")  # handle, result: begin of transaction, status; cancel has a context instead
TRANSMIT: Final = struct.Struct("=IIIIIIII")  # handle, sent protocol, PCI length, sent bytes; the same received; result
CONTROL: Final = struct.Struct("=IIIIII")  # handle, code, sent bytes, room, received bytes, result
ATTRIBUTE: Final = struct.Struct(f"=II{MAX_ATTRIBUTE}sII")  # handle, identifier, value, its bytes, result
WAKE: Final = struct.Struct("=II")  # 0, result: a change of a reader, the end of waiting; reader events
READER: Final = struct.Struct("=128sIIi33s3xII")  # name, events, state, sharing, ATR, its bytes, protocol

STRUCTURES: Final[dict[int, struct.Struct]] = {
    Command.VERSION: VERSION,
    Command.ESTABLISH_CONTEXT: CONTEXT,
    Command.RELEASE_CONTEXT: RELEASE,
    Command.CONNECT: CONNECT,
    Command.RECONNECT: RECONNECT,
    Command.DISCONNECT: DISPOSE,
    Command.BEGIN_TRANSACTION: HANDLE,
    Command.END_TRANSACTION: DISPOSE,
    Command.TRANSMIT: TRANSMIT,
    Command.CONTROL: CONTROL,
    Command.STATUS: HANDLE,
    Command.CANCEL: HANDLE,
    Command.GET_ATTRIB: ATTRIBUTE,
    Command.SET_ATTRIB: ATTRIBUTE,
}
"""Of the commands that have one; whoever sends another size is no client."""


__all__ = ["Command", "Disposition", "Protocol", "ReaderState", "Result", "Share"]
