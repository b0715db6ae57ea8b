# SPDX-License-Identifier: Apache-2.0
"""A Unix socket that this process listens on: for its owner alone, or a group, by what the kernel says of whoever comes."""

from __future__ import annotations

import grp
import logging
import os
import socket
import stat
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final, Self

from secmod.errors import DriverError, LinkError
from secmod.reader.driver import MAX_SOCKET_PATH

_log = logging.getLogger(__name__)

_UCRED: Final = struct.Struct("3i")  # struct ucred: pid, uid, gid
_SO_PEERGROUPS: Final = 59
_GROUPS_SIZE: Final = 1024  # bytes, all that Python takes: 256 groups


class Listener:
    """The socket `path` (SOCK_STREAM), from `open` to `close`; `group` may use it besides root and our own user.

    A directory that is missing is made with `directory_mode`.  Raises DriverError for a group that does not exist.
    """

    def __init__(self, path: str | Path, *, group: str | None = None, backlog: int = 16, directory_mode: int = 0o755) -> None:
        self.path = Path(path).absolute()
        self._group = _group_number(group)
        self._backlog = backlog
        self._directory_mode = directory_mode
        self._socket: socket.socket | None = None
        self._inode = 0

    def open(self) -> Self:
        """Others can connect; LinkError if the socket can not be had, above all because another process listens there."""
        if len(os.fsencode(self.path)) > MAX_SOCKET_PATH:
            raise LinkError(f"the path {self.path} is too long for a socket: choose a directory of at most 95 bytes")
        sock = socket.socket(socket.AF_UNIX)
        try:
            self.path.parent.mkdir(mode=self._directory_mode, parents=True, exist_ok=True)
            self._clear_way()
            os.fchmod(sock.fileno(), 0o600)  # Linux gives it to the file, which so is never open to others
            sock.bind(str(self.path))
            self._inode = self.path.lstat().st_ino
            if self._group is not None:
                os.chown(self.path, -1, self._group, follow_symlinks=False)
                self.path.chmod(0o660)
            sock.listen(self._backlog)
        except OSError as error:
            sock.close()
            raise LinkError(f"can not listen on {self.path}: {error}; choose another directory with --socket-dir") from error
        except LinkError:
            sock.close()
            raise
        self._socket = sock
        return self

    def accept(self) -> socket.socket | None:
        """The next connection, None for a stranger's, which has been closed; OSError after `shut`, or without descriptors."""
        if self._socket is None:
            raise OSError("not open")
        sock, _ = self._socket.accept()
        try:
            allowed = self._allowed(sock)
        except OSError:  # gone already
            allowed = False
        if not allowed:
            sock.close()
            return None
        return sock

    def shut(self) -> None:
        """Nobody can connect any more, and `accept` ends; the file is gone if it is still ours."""
        if self._socket is None:
            return
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with suppress(OSError):
            if self.path.lstat().st_ino == self._inode:
                self.path.unlink()

    def close(self) -> None:
        """As `shut`, and the descriptor is free."""
        self.shut()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _allowed(self, sock: socket.socket) -> bool:
        """Root, our own user, and members of the group: not by the file's mode alone."""
        pid, user, group = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
        if user in {0, os.geteuid()}:
            return True
        if self._group is not None:
            raw = sock.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_SIZE)
            if self._group in {group, *struct.unpack(f"={len(raw) // 4}I", raw)}:
                return True
        _log.warning("process %d of user %d was turned away: neither the owner's nor in the group of %s", pid, user, self.path)
        return False

    def _clear_way(self) -> None:
        """A socket that nobody listens on any longer is removed; LinkError for anything else in the place."""
        try:
            mode = self.path.lstat().st_mode
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(mode):
            raise LinkError(f"{self.path} exists and is no socket: remove it, or choose another directory with --socket-dir")
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.path))
            except ConnectionRefusedError:
                self.path.unlink()
            else:
                raise LinkError(f"another process listens on {self.path}: stop it, or choose another directory with --socket-dir")


def _group_number(name: str | None) -> int | None:
    if name is None:
        return None
    try:
        return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise DriverError(f"there is no group {name}: create it or name another one") from None


__all__ = ["Listener"]
