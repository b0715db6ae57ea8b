# SPDX-License-Identifier: Apache-2.0
"""Frames between card process and reader driver as values (native/ifd/PROTOCOL.md); no sockets here."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

from secmod.errors import LinkError

VERSION: Final = 1
MAGIC: Final = b"secmodIF"
HEADER: Final = 8
MAX_PAYLOAD: Final = 65548
MAX_FRAME: Final = HEADER + MAX_PAYLOAD
TOKEN: Final = 8

_HEADER: Final = struct.Struct("<B3xI")
_HELLO: Final = struct.Struct("<8sHBx8s")
_WELCOME: Final = struct.Struct("<HI")


class FrameType(IntEnum):
    """First byte of a frame."""

    POWER_UP = 0x01
    POWER_DOWN = 0x02
    RESET = 0x03
    PROTOCOL = 0x04
    TRANSMIT = 0x05
    ESCAPE = 0x06
    KEEP_ALIVE = 0x10
    FAULT = 0x11
    INSERTED = 0x20
    REMOVED = 0x21
    HELLO = 0x30
    WELCOME = 0x31
    REFUSED = 0x32


class Role(IntEnum):
    """Which of a reader's two connections a hello opens."""

    DATA = 0x01
    EVENTS = 0x02


class Fault(IntEnum):
    """Why the card process can not answer a request."""

    NOT_SUPPORTED = 0x01
    NO_CARD = 0x02
    FAILED = 0x03


class Refusal(IntEnum):
    """Why the driver does not take a connection."""

    VERSION = 0x01
    BUSY = 0x02
    FOREIGN = 0x03
    HELLO = 0x04


@dataclass(frozen=True, slots=True)
class Frame:
    """One message: its type, the number of the request it belongs to, and up to 65,548 bytes."""

    type: FrameType
    sequence: int = 0
    payload: bytes = b""

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Any bytes as a frame; LinkError if they are none."""
        if not HEADER <= len(raw) <= MAX_FRAME:
            raise LinkError(f"{len(raw)} bytes are no frame: it has {HEADER} to {MAX_FRAME}")
        kind, sequence = _HEADER.unpack_from(raw)
        if any(raw[1:4]):
            raise LinkError(f"reserved bytes {raw[1:4].hex()} of a frame are not zero")
        try:
            return cls(FrameType(kind), sequence, raw[HEADER:])
        except ValueError:
            raise LinkError(f"frame type {kind:02X} is unknown") from None

    def encode(self) -> bytes:
        """The message, 8 to 65,556 bytes."""
        if len(self.payload) > MAX_PAYLOAD:
            raise LinkError(f"{len(self.payload)} bytes do not fit into a frame: {MAX_PAYLOAD} at most")
        return _HEADER.pack(self.type, self.sequence) + self.payload


@dataclass(frozen=True, slots=True)
class Hello:
    """The card process's first frame on either connection; the token (8 bytes) pairs the two."""

    role: Role
    token: bytes
    version: int = VERSION

    def encode(self) -> bytes:
        """The whole frame."""
        return Frame(FrameType.HELLO, 0, _HELLO.pack(MAGIC, self.version, self.role, self.token)).encode()


@dataclass(frozen=True, slots=True)
class Welcome:
    """The driver's consent: the version spoken, and how many milliseconds it waits for each answer."""

    version: int
    deadline_ms: int

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The driver's answer to a hello; LinkError with the driver's own sentence if it refuses."""
        frame = Frame.parse(raw)
        if frame.type is FrameType.REFUSED and frame.payload:
            raise LinkError(f"the reader driver refuses: {frame.payload[1:].decode('utf-8', 'replace')}")
        if frame.type is not FrameType.WELCOME or len(frame.payload) != _WELCOME.size:
            raise LinkError(f"a {frame.type.name} frame is no answer to a hello")
        version, deadline_ms = _WELCOME.unpack(frame.payload)
        if version != VERSION:
            raise LinkError(f"the reader driver speaks version {version}, secmod speaks {VERSION}; install both from one release")
        return cls(version, deadline_ms)


__all__ = [
    "HEADER",
    "MAGIC",
    "MAX_FRAME",
    "MAX_PAYLOAD",
    "TOKEN",
    "VERSION",
    "Fault",
    "Frame",
    "FrameType",
    "Hello",
    "Refusal",
    "Role",
    "Welcome",
]
