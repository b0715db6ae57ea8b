# SPDX-License-Identifier: Apache-2.0
"""The other end of the control channel: one request, one answer."""

from __future__ import annotations

import json
import os
import socket
import struct
from pathlib import Path
from typing import Any, Final

from secmod.errors import ControlError, EmptyReaderError, LinkError, NoReaderError

_UCRED: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid
_CONNECT: Final = 5.0  # s
_ANSWER: Final = 30.0  # s beyond what the request itself waits for
_CHUNK: Final = 1 << 16
_KINDS: Final = {kind.__name__: kind for kind in (LinkError, EmptyReaderError, NoReaderError, ControlError)}


def ask(path: Path, request: dict[str, Any], *, waits: float = 0.0) -> dict[str, Any]:
    """The answer to a request, without its `ok`; the error that the emulator names, as ControlError if it is of another kind.

    `waits` is how long (s) the request itself may take.  LinkError if nobody answers on the socket.
    """
    with _connect(path) as sock:
        sock.settimeout(waits + _ANSWER)
        try:
            sock.sendall(json.dumps(request).encode() + b"\n")
            line = _receive(sock)
        except OSError as error:
            raise LinkError(f"the emulator on {path} does not answer: {error}") from error
    return _judge(line, path)


def _connect(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(_CONNECT)
        sock.connect(str(path))
        _, user, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    except (FileNotFoundError, ConnectionRefusedError):
        sock.close()
        raise LinkError(f"no emulator listens on {path}: start `secmod serve`, or name its directory with --socket-dir") from None
    except PermissionError:
        sock.close()
        raise LinkError(
            f"socket {path} may not be opened by user {os.geteuid()}: be its owner, or start the emulator with --group"
        ) from None
    except OSError as error:
        sock.close()
        raise LinkError(f"socket {path} can not be used: {error}") from error
    if user not in {0, os.geteuid()}:
        sock.close()
        raise LinkError(f"user {user} listens on socket {path}, neither root nor we: choose another directory")
    return sock


def _receive(sock: socket.socket) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n") and (chunk := sock.recv(_CHUNK)):
        line += chunk
    return bytes(line)


def _judge(line: bytes, path: Path) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("ok"), bool):
        raise LinkError(f"what came from socket {path} is no answer of an emulator; is it of the same release?")
    if not answer.pop("ok"):
        raise _KINDS.get(str(answer.get("kind")), ControlError)(str(answer.get("error")))
    return answer


__all__ = ["ask"]
