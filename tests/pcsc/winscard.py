# SPDX-License-Identifier: Apache-2.0
"""libpcsclite called as a C program calls it: any argument, any buffer length; waiting calls leave the interpreter to others.

The library looks for its service once: `use_here` (conftest.py) decides which one this process talks to.
"""

from __future__ import annotations

import ctypes as c
from dataclasses import dataclass

_DWORD = c.c_ulong
SHARED, EXCLUSIVE, DIRECT = 2, 1, 3
T0, T1, RAW, ANY = 1, 2, 4, 3
LEAVE, RESET, UNPOWER, EJECT = 0, 1, 2, 3

NAMES = {
    0x00000000: "ok",
    0x80100001: "INTERNAL_ERROR",
    0x80100002: "CANCELLED",
    0x80100003: "INVALID_HANDLE",
    0x80100004: "INVALID_PARAMETER",
    0x80100006: "NO_MEMORY",
    0x80100008: "INSUFFICIENT_BUFFER",
    0x80100009: "UNKNOWN_READER",
    0x8010000A: "TIMEOUT",
    0x8010000B: "SHARING_VIOLATION",
    0x8010000C: "NO_SMARTCARD",
    0x8010000F: "PROTO_MISMATCH",
    0x80100011: "INVALID_VALUE",
    0x80100013: "COMM_ERROR",
    0x80100016: "NOT_TRANSACTED",
    0x80100017: "READER_UNAVAILABLE",
    0x8010001D: "NO_SERVICE",
    0x8010001F: "UNSUPPORTED_FEATURE",
    0x80100066: "UNRESPONSIVE_CARD",
    0x80100067: "UNPOWERED_CARD",
    0x80100068: "RESET_CARD",
    0x80100069: "REMOVED_CARD",
    0x8010006A: "SECURITY_VIOLATION",
}


class _IoRequest(c.Structure):
    _fields_ = (("protocol", _DWORD), ("length", _DWORD))


class _ReaderState(c.Structure):
    _fields_ = (
        ("name", c.c_char_p),
        ("user", c.c_void_p),
        ("current", _DWORD),
        ("event", _DWORD),
        ("atr_length", _DWORD),
        ("atr", c.c_ubyte * 33),
    )


def _name(rv: int) -> str:
    rv &= 0xFFFFFFFF
    return NAMES.get(rv, f"{rv:08X}")


@dataclass(slots=True)
class Card:
    """A handle; every method returns the result's name, and what came with it."""

    library: c.CDLL
    handle: _DWORD
    protocol: int = T1

    def _call(self, name: str, *arguments: object) -> str:
        return _name(getattr(self.library, f"SCard{name}")(self.handle, *arguments))

    def reconnect(self, share: int = SHARED, protocols: int = ANY, initialization: int = LEAVE) -> tuple[str, int]:
        active = _DWORD()
        rv = self._call("Reconnect", _DWORD(share), _DWORD(protocols), _DWORD(initialization), c.byref(active))
        if rv == "ok":
            self.protocol = active.value
        return rv, active.value if rv == "ok" else 0

    def disconnect(self, disposition: int = LEAVE) -> str:
        return self._call("Disconnect", _DWORD(disposition))

    def begin(self) -> str:
        return self._call("BeginTransaction")

    def end(self, disposition: int = LEAVE) -> str:
        return self._call("EndTransaction", _DWORD(disposition))

    def status(self) -> tuple[str, str, int, int, str]:
        """Result, reader, state, protocol, ATR."""
        name, atr = c.create_string_buffer(200), c.create_string_buffer(40)
        name_length, atr_length, state, protocol = _DWORD(200), _DWORD(40), _DWORD(), _DWORD()
        rv = self._call("Status", name, c.byref(name_length), c.byref(state), c.byref(protocol), atr, c.byref(atr_length))
        return rv, name.value.decode(), state.value & 0xFFFF, protocol.value, atr.raw[: atr_length.value].hex()

    def transmit(self, command: bytes, room: int = 65548, protocol: int | None = None) -> tuple[str, int, bytes, int]:
        """Result, length told, response, protocol told."""
        send = _IoRequest(self.protocol if protocol is None else protocol, c.sizeof(_IoRequest))
        told = _IoRequest(0x77, c.sizeof(_IoRequest))
        answer, length = c.create_string_buffer(room + 1), _DWORD(room)
        rv = self._call("Transmit", c.byref(send), command, _DWORD(len(command)), c.byref(told), answer, c.byref(length))
        return rv, length.value, answer.raw[: length.value] if rv == "ok" else b"", told.protocol

    def control(self, code: int, data: bytes = b"", room: int = 300) -> tuple[str, int, bytes]:
        answer, length = c.create_string_buffer(room + 1), _DWORD()
        rv = self._call("Control", _DWORD(code), data, _DWORD(len(data)), answer, _DWORD(room), c.byref(length))
        return rv, length.value, answer.raw[: length.value] if rv == "ok" else b""

    def attribute(self, identifier: int, room: int = 264) -> tuple[str, int, bytes]:
        answer, length = c.create_string_buffer(room + 1), _DWORD(room)
        rv = self._call("GetAttrib", _DWORD(identifier), answer, c.byref(length))
        return (rv, length.value, answer.raw[: length.value]) if rv == "ok" else (rv, 0, b"")

    def set_attribute(self, identifier: int, value: bytes) -> str:
        return self._call("SetAttrib", _DWORD(identifier), value, _DWORD(len(value)))


class Program:
    """A context."""

    def __init__(self) -> None:
        self._library = c.CDLL("libpcsclite.so.1")
        self._context = _DWORD()
        self.established = self._call("EstablishContext", _DWORD(2), None, None, c.byref(self._context))

    def _call(self, name: str, *arguments: object) -> str:
        return _name(getattr(self._library, f"SCard{name}")(*arguments))

    def release(self) -> str:
        return self._call("ReleaseContext", self._context)

    def valid(self) -> str:
        return self._call("IsValidContext", self._context)

    def cancel(self) -> str:
        return self._call("Cancel", self._context)

    def readers(self) -> tuple[str, list[str]]:
        names, length = c.create_string_buffer(4000), _DWORD(4000)
        rv = self._call("ListReaders", self._context, None, names, c.byref(length))
        return rv, [name.decode() for name in names.raw[: length.value].split(b"\0") if name] if rv == "ok" else []

    def connect(self, reader: str, share: int = SHARED, protocols: int = ANY) -> tuple[str, int, Card]:
        """Result, protocol, card."""
        handle, active = _DWORD(), _DWORD()
        arguments = (reader.encode(), _DWORD(share), _DWORD(protocols), c.byref(handle), c.byref(active))
        rv = self._call("Connect", self._context, *arguments)
        return rv, active.value if rv == "ok" else 0, Card(self._library, handle, active.value)

    def card(self, reader: str, share: int = SHARED, protocols: int = ANY) -> Card:
        rv, _, card = self.connect(reader, share, protocols)
        assert rv == "ok", rv
        return card

    def change(self, reader: str, current: int = 0, timeout: int = 0) -> tuple[str, int, int, str]:
        """SCardGetStatusChange for one reader: result, flags, events, ATR."""
        state = _ReaderState(reader.encode(), None, current, 0, 0)
        rv = self._call("GetStatusChange", self._context, _DWORD(timeout), c.byref(state), _DWORD(1))
        return rv, state.event & 0xFFFF, state.event >> 16, bytes(state.atr[: state.atr_length]).hex()

    def await_card(self, reader: str, *, present: bool) -> None:
        """Returns when the reader is shown with a card (mute or not), or without one."""
        rv, flags, events, _ = self.change(reader)
        while bool(flags & 0x20) is not present:
            rv, flags, events, _ = self.change(reader, events << 16 | flags, 20_000)
            assert rv == "ok", rv
