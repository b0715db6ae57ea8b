# SPDX-License-Identifier: Apache-2.0
"""Finding the driver's socket, checking who listens there, and the handshake (native/ifd/PROTOCOL.md)."""

from __future__ import annotations

import os
import pwd
import secrets
import socket
import stat
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from secmod.errors import LinkError
from secmod.reader.frame import HEADER, MAX_FRAME, TOKEN, FrameType, Hello, Refusal, Role, Welcome

_UCRED: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid
HANDSHAKE_TIMEOUT: Final = 10.0


def socket_directory() -> Path:
    """Where the sockets are if nobody says otherwise: /run/secmod for root, the user's own run directory else."""
    if os.geteuid() == 0:
        return Path("/run/secmod")
    return Path(os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}") / "secmod"


def _trusted_users() -> set[int]:
    """Who may listen: root, ourselves, and the account that newer pcscd packages run under."""
    users = {0, os.geteuid()}
    with suppress(KeyError):
        users.add(pwd.getpwnam("pcscd").pw_uid)
    return users


class NotThereError(Exception):
    """Nobody listens (yet): worth another try."""


@dataclass(frozen=True, slots=True)
class Link:
    """The two connections of one reader, accepted by its driver."""

    data: socket.socket
    events: socket.socket
    deadline: float
    """Seconds that the driver waits for an answer."""

    @classmethod
    def open(cls, address: Path, opened: Callable[[socket.socket], None]) -> Self:
        """Connects to the driver; NotThereError if nobody listens, LinkError if it is no use to try again.

        `opened` gets each socket before anything waits on it, so that another thread can end the waiting.
        """
        token = secrets.token_bytes(TOKEN)
        data = _connect(address)
        try:
            opened(data)
            welcome = _shake_hands(data, address, Hello(Role.DATA, token))
            events = _connect(address)
        except BaseException:
            data.close()
            raise
        try:
            opened(events)
            _shake_hands(events, address, Hello(Role.EVENTS, token))
        except BaseException:
            data.close()
            events.close()
            raise
        data.settimeout(None)
        return cls(data, events, welcome.deadline_ms / 1000)

    def close(self) -> None:
        """Both connections are closed; the driver reports a removal."""
        self.data.close()
        self.events.close()


def _connect(address: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        sock.settimeout(HANDSHAKE_TIMEOUT)
        sock.connect(str(address))
        _, user, _ = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
    except (FileNotFoundError, ConnectionRefusedError, BlockingIOError) as error:
        sock.close()
        _check_file(address)
        raise NotThereError from error
    except PermissionError as error:
        sock.close()
        raise LinkError(
            f"socket {address} may not be opened by user {os.geteuid()}: be its owner, or in the group of reader.conf"
        ) from error
    except OSError as error:
        sock.close()
        raise LinkError(f"socket {address} can not be used ({error}): only the reader driver's socket is of use here") from error
    if user not in _trusted_users():
        sock.close()
        raise LinkError(f"user {user} listens on socket {address}, neither root nor we: choose another directory")
    return sock


def _check_file(address: Path) -> None:
    """A file that is no socket refuses connections like a socket that nobody listens on; waiting would be in vain."""
    try:
        mode = address.lstat().st_mode
    except OSError:
        return
    if not (stat.S_ISSOCK(mode) or stat.S_ISLNK(mode)):
        raise LinkError(f"{address} is no socket: remove it, or name the socket of DEVICENAME in reader.conf")


def _shake_hands(sock: socket.socket, address: Path, hello: Hello) -> Welcome:
    try:
        sock.send(hello.encode())
        raw = sock.recv(MAX_FRAME)
    except TimeoutError:
        raise LinkError(
            f"whoever listens on socket {address} says nothing for {HANDSHAKE_TIMEOUT:.0f} s: is it pcscd with libifdsecmod.so?"
        ) from None
    except OSError as error:  # the driver went away
        raise NotThereError from error
    if not raw or (raw[0] == FrameType.REFUSED and raw[HEADER : HEADER + 1] == bytes([Refusal.HELLO])):
        raise NotThereError  # it went away, or we were too slow: the next try may do
    try:
        return Welcome.parse(raw)
    except LinkError as error:
        raise LinkError(f"socket {address}: {error}") from error


__all__ = ["HANDSHAKE_TIMEOUT", "Link", "NotThereError", "socket_directory"]
