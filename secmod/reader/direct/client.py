# SPDX-License-Identifier: Apache-2.0
"""One connection of a PC/SC program: its messages, its context and its handles, in a thread that blocks."""

from __future__ import annotations

import logging
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from secmod.reader.direct import messages as m
from secmod.reader.direct.messages import Command, Disposition, Protocol, Result
from secmod.reader.direct.reader import Handle, Work, refuse_mode
from secmod.reader.frame import HEADER, FrameType

if TYPE_CHECKING:
    from secmod.reader.direct.server import DirectServer

_log = logging.getLogger(__name__)

_MESSAGE: Final = m.HEADER.size
_DATA: Final = _MESSAGE + m.TRANSMIT.size  # where a command APDU begins
_ROOM: Final = _DATA + m.MAX_DATA
_TRANSMIT: Final = int(Command.TRANSMIT)
_FRAME_HEADER: Final = bytes([FrameType.TRANSMIT]) + bytes(HEADER - 1)
# A driver is told T=0 as 0 and T=1 as 1, and so is the program afterwards.
_LINE: Final = {int(Protocol.T1): 1, int(Protocol.RAW): 4}
_ANY_OLD: Final = int(Protocol.ANY_OLD)


class _StrangerError(Exception):
    """Whoever sends this is no client: the connection ends."""


class _ReplacedError(Exception):
    """Another thread has answered in the meantime, and serves the connection now."""


class Client:
    """A connection.  `start` serves it until it ends; what it left open is then closed as pcscd does."""

    def __init__(self, server: DirectServer, sock: socket.socket) -> None:
        self.context = 0
        self._server = server
        self._sock = sock
        self._receive = sock.recv_into
        self._buffer = bytearray(_ROOM)
        self._view = memoryview(self._buffer)
        self._have = 0  # bytes in the buffer
        self._handles: dict[int, Handle] = {}
        self._thread: threading.Thread | None = None
        self._answers: dict[int, Callable[..., bytes]] = {
            Command.VERSION: self._version,
            Command.ESTABLISH_CONTEXT: self._establish,
            Command.RELEASE_CONTEXT: self._release,
            Command.CONNECT: self._connect,
            Command.RECONNECT: self._reconnect,
            Command.DISCONNECT: self._disconnect,
            Command.BEGIN_TRANSACTION: self._begin,
            Command.END_TRANSACTION: self._end,
            Command.CONTROL: self._control,
            Command.STATUS: self._status,
            Command.CANCEL: self._cancel,
            Command.GET_ATTRIB: self._get_attribute,
            Command.SET_ATTRIB: self._set_attribute,
        }

    # ---- the thread ----------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """A thread serves the connection; also instead of one that a card does not let go."""
        self._thread = threading.Thread(target=self._serve, name="client", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """The connection ends; its thread will."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def join(self, timeout: float) -> None:
        """Returns when the thread has ended, or after `timeout` seconds."""
        if self._thread is not None:
            self._thread.join(timeout)

    def push(self, message: bytes) -> None:
        """Sends from another thread, never waiting: a program that does not read is dropped."""
        try:
            complete = self._sock.send(message, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL) == len(message)
        except OSError:
            complete = False
        if not complete:
            self.stop()

    def _serve(self) -> None:
        try:
            while True:
                self._answer_next()
        except _ReplacedError:
            return
        except (_StrangerError, OSError) as error:
            _log.debug("a program has left: %s", error)
        except Exception:  # noqa: BLE001 - one program's misfortune must not keep a card from the others
            _log.exception("a program is dropped")
        self._close_context()
        self._server.forget(self)
        self._sock.close()

    def _fill(self, wanted: int) -> None:
        """At least so many bytes of the message are in the buffer."""
        have = self._have
        while have < wanted:
            got = self._receive(self._view[have:])
            if not got:
                raise _StrangerError("end of connection")
            have += got
        self._have = have

    def _drop(self, count: int) -> None:
        """The message has been read; what came behind it moves up."""
        rest = self._have - count
        if rest:
            self._buffer[:rest] = self._buffer[count : self._have]
        self._have = rest

    def _answer_next(self) -> None:
        self._fill(_MESSAGE)
        size, command = m.HEADER.unpack_from(self._buffer)
        if command == _TRANSMIT:
            self._transmit(size)
        elif (structure := m.STRUCTURES.get(command)) is None:
            self._drop(_MESSAGE)
            self._answer_bare(command)
        elif structure.size != size:
            raise _StrangerError(f"{size} bytes are no {Command(command).name}")
        else:
            self._fill(_MESSAGE + size)
            fields = structure.unpack_from(self._buffer, _MESSAGE)
            self._drop(_MESSAGE + size)
            self._sock.sendall(self._answers[command](*fields))

    def _answer_bare(self, command: int) -> None:
        """A command without a structure."""
        if command == Command.GET_READERS_STATE:
            self._sock.sendall(self._server.states())
        elif command == Command.WAIT_READER_STATE_CHANGE:
            self._server.watch(self)
        elif command == Command.STOP_WAITING_READER_STATE_CHANGE:
            self._server.unwatch(self, Result.SUCCESS)
        elif command == Command.GET_READER_EVENTS:
            self._sock.sendall(m.WAKE.pack(0, Result.SUCCESS))  # readers never come or go
        else:
            raise _StrangerError(f"command {command:#x} is unknown")

    def _handle(self, number: int) -> Handle:
        handle = self._handles.get(number)
        if handle is None or not self.context:
            raise _StrangerError(f"handle {number:#x} is not its own")
        return handle

    # ---- the way of every APDU -----------------------------------------------------------------------------------------------

    def _transmit(self, size: int) -> None:
        if size != m.TRANSMIT.size:
            raise _StrangerError(f"{size} bytes are no TRANSMIT")
        buffer = self._buffer
        if self._have < _DATA:
            self._fill(_DATA)
        number, protocol, pci, length, got_protocol, got_pci, room, _ = m.TRANSMIT.unpack_from(buffer, _MESSAGE)
        handle = self._handle(number)
        if length > m.MAX_DATA:
            raise _StrangerError(f"a command of {length} bytes")
        end = _DATA + length
        if self._have < end:
            self._fill(end)
        buffer[_DATA - HEADER : _DATA] = _FRAME_HEADER  # over what has been read: the frame's header and the command, in one copy
        frame = bytes(self._view[_DATA - HEADER : end])
        self._drop(end)

        def refuse(result: Result) -> bytes:
            return m.TRANSMIT.pack(number, protocol, pci, length, got_protocol, got_pci, 0, result)

        if not length:
            self._sock.sendall(refuse(Result.NOT_TRANSACTED))
            return
        work = Work(lambda result: self._answer_instead(refuse(result)))
        result, answer = handle.reader.transmit(handle, protocol, frame, work)
        if work.take() is None:
            raise _ReplacedError
        if result is not Result.SUCCESS:
            self._sock.sendall(refuse(result))
            return
        received = len(answer) - HEADER
        line = _LINE.get(protocol, 0) if protocol != _ANY_OLD else max(0, int(handle.reader.protocol).bit_length() - 1)
        if received > room:
            head = m.TRANSMIT.pack(number, protocol, pci, length, line, got_pci, received, Result.INSUFFICIENT_BUFFER)
            self._sock.sendall(head)
            return
        self._sock.sendall(m.TRANSMIT.pack(number, protocol, pci, length, line, got_pci, received, 0) + answer[HEADER:])

    def _answer_instead(self, message: bytes) -> None:
        """Called by another thread, for a card that was taken out or does not end."""
        self.push(message)
        self.start()

    # ---- contexts ------------------------------------------------------------------------------------------------------------

    def _version(self, major: int, minor: int, _result: int) -> bytes:
        if major == m.MAJOR and minor in m.MINORS:
            return m.VERSION.pack(major, minor, Result.SUCCESS)
        return m.VERSION.pack(m.MAJOR, min(m.MINORS), Result.SERVICE_STOPPED)  # newer libraries come again with this one

    def _establish(self, scope: int, _context: int, _result: int) -> bytes:
        if scope not in m.SCOPES:
            return m.CONTEXT.pack(scope, 0, Result.INVALID_VALUE)
        self.context = secrets.randbelow(0x7FFFFFFF) + 1
        return m.CONTEXT.pack(scope, self.context, Result.SUCCESS)

    def _release(self, context: int, _result: int) -> bytes:
        if not self.context:
            return m.RELEASE.pack(context, Result.INVALID_HANDLE)
        if context != self.context:
            return m.RELEASE.pack(context, Result.INVALID_VALUE)
        self._close_context()
        return m.RELEASE.pack(context, Result.SUCCESS)

    def _close_context(self) -> None:
        self.context = 0
        while self._handles:
            _, handle = self._handles.popitem()
            handle.reader.abandon(handle)

    def _cancel(self, context: int, _result: int) -> bytes:
        return m.HANDLE.pack(context, Result.SUCCESS if self._server.cancel(context) else Result.INVALID_HANDLE)

    # ---- handles -------------------------------------------------------------------------------------------------------------

    def _connect(self, context: int, raw: bytes, *fields: int) -> bytes:
        share, protocols, number, protocol, _ = fields
        name = raw[: m.MAX_NAME].split(b"\0")[0]
        reader = self._server.reader(name)
        result, handle = refuse_mode(share, protocols), None
        number = 0
        if result is Result.SUCCESS and reader is None:
            result = Result.UNKNOWN_READER
        elif result is Result.SUCCESS and reader is not None:
            result, handle, active = reader.connect(share, protocols)
            protocol = active if handle is not None else protocol
        if handle is not None:
            number, result = handle.number, self._keep(handle, context)
        return m.CONNECT.pack(context, name, share, protocols, number, protocol, result)

    def _keep(self, handle: Handle, context: int) -> Result:
        """Notes a handle with its context, or gives it back."""
        if not self.context:
            result = Result.INVALID_HANDLE
        elif context != self.context:
            result = Result.INVALID_VALUE
        elif len(self._handles) >= m.MAX_HANDLES:
            result = Result.NO_MEMORY
        else:
            self._handles[handle.number] = handle
            return Result.SUCCESS
        handle.reader.disconnect(handle, Disposition.LEAVE)
        return result

    def _reconnect(self, number: int, share: int, protocols: int, initialization: int, _protocol: int, _result: int) -> bytes:
        handle = self._handle(number)
        result, protocol = handle.reader.reconnect(handle, share, protocols, initialization)
        return m.RECONNECT.pack(number, share, protocols, initialization, protocol, result)

    def _disconnect(self, number: int, disposition: int, _result: int) -> bytes:
        handle = self._handle(number)
        result = handle.reader.disconnect(handle, disposition)
        if result is Result.SUCCESS:
            del self._handles[number]
        return m.DISPOSE.pack(number, disposition, result)

    def _begin(self, number: int, _result: int) -> bytes:
        handle = self._handle(number)
        return m.HANDLE.pack(number, handle.reader.begin(handle))

    def _end(self, number: int, disposition: int, _result: int) -> bytes:
        handle = self._handle(number)
        return m.DISPOSE.pack(number, disposition, handle.reader.end(handle, disposition))

    def _status(self, number: int, _result: int) -> bytes:
        handle = self._handle(number)
        return m.HANDLE.pack(number, handle.reader.status(handle))

    # ---- the reader itself ---------------------------------------------------------------------------------------------------

    def _control(self, number: int, code: int, length: int, room: int, _returned: int, _result: int) -> bytes:
        handle = self._handle(number)
        if length > m.MAX_DATA:
            raise _StrangerError(f"a control of {length} bytes")
        self._fill(length)
        data = bytes(self._view[:length])
        self._drop(length)
        result, answer = handle.reader.control(handle, code, data)
        if len(answer) > room:
            return m.CONTROL.pack(number, code, length, room, len(answer), Result.INSUFFICIENT_BUFFER)
        return m.CONTROL.pack(number, code, length, room, len(answer), result) + answer

    def _get_attribute(self, number: int, identifier: int, value: bytes, room: int, _result: int) -> bytes:
        handle = self._handle(number)
        if room > m.MAX_ATTRIBUTE:
            raise _StrangerError(f"an attribute of {room} bytes")
        result, answer = handle.reader.attribute(handle, identifier)
        if len(answer) > room:
            return m.ATTRIBUTE.pack(number, identifier, value, len(answer), Result.INSUFFICIENT_BUFFER)
        return m.ATTRIBUTE.pack(number, identifier, answer if result is Result.SUCCESS else value, len(answer), result)

    def _set_attribute(self, number: int, identifier: int, value: bytes, length: int, _result: int) -> bytes:
        handle = self._handle(number)
        if length > m.MAX_ATTRIBUTE:
            raise _StrangerError(f"an attribute of {length} bytes")
        result = handle.reader.status(handle) or Result.NOT_TRANSACTED  # nothing here can be set
        return m.ATTRIBUTE.pack(number, identifier, value, length, result)


__all__ = ["Client"]
