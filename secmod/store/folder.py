# SPDX-License-Identifier: Apache-2.0
"""The directory of a store: 0700, its files 0600 and its owner's, no link among them, and one process at a time."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from secmod.errors import StorageError, StorageFullError, StorageReadOnlyError, StoreBusyError, StoreError, StoreKeyError

_NEW = "new-"  # files that are not finished; whoever opens the store sweeps them away
_PRIVATE_FILE, _PRIVATE_DIRECTORY = 0o600, 0o700
_LOOK, _LOOKS = 0.01, 20  # s between two looks at who has the lock, and how many


@contextmanager
def _medium(place: Path) -> Iterator[None]:
    """What the operating system refuses inside is a StorageError."""
    try:
        yield
    except OSError as error:
        raise _storage_error(place, error) from error


def _storage_error(place: Path, error: OSError) -> StorageError:
    kind = {errno.ENOSPC: StorageFullError, errno.EDQUOT: StorageFullError, errno.EROFS: StorageReadOnlyError}
    found = kind.get(error.errno or 0, StorageError)
    step = (
        "make room and try again" if found is StorageFullError else "look at its rights and its disk, or choose another directory"
    )
    return found(f"{place}: {error.strerror}; {step}")


class Folder:
    """A directory, locked by this process until `close`.  What the medium refuses is a StorageError."""

    def __init__(self, path: Path) -> None:
        """Makes the directory if there is none.  StoreBusyError if another process has it, StoreError if others could read it."""
        self.path = path
        self._fd = _open_directory(path)
        self._lock = -1
        try:
            self._lock = self.open("lock", os.O_RDWR | os.O_CREAT)
            with _medium(path):
                self._take_lock()
                for name in os.listdir(self._fd):  # noqa: PTH208  (by descriptor)
                    if name.startswith(_NEW):
                        os.unlink(name, dir_fd=self._fd)
        except BaseException:
            self.close()
            raise

    def _take_lock(self) -> None:
        # The kernel gives the lock back when its owner ends, in whatever way: a stale one does not exist.
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = self._owner()
            who = "this process" if pid == os.getpid() else f"process {pid}" if pid else "another process"
            raise StoreBusyError(
                f"{self.path}: {who} has this store open; end it first, or choose another directory", pid
            ) from None
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, f"{os.getpid()}\n".encode(), 0)

    def _owner(self) -> int | None:
        """The process that has the lock; None if it does not tell.  One that has just begun may not have told yet."""
        for _ in range(_LOOKS):
            told = os.pread(self._lock, 20, 0).strip()
            if told.isdigit() and _lives(int(told)):
                return int(told)
            time.sleep(_LOOK)
        return None

    def open(self, name: str, flags: int) -> int:
        """A descriptor of a file here, which is made 0600 if `flags` say so.  StoreError if it is not what it must be."""
        place = self.path / name
        try:
            fd = os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, _PRIVATE_FILE, dir_fd=self._fd)
        except OSError as error:
            raise _refused(place, error) from None
        try:
            if flags & os.O_CREAT and not os.fstat(fd).st_mode & 0o777 & ~_PRIVATE_FILE:
                with _medium(place):
                    os.fchmod(fd, _PRIVATE_FILE)  # whatever the umask has taken away
            check_private(place, os.fstat(fd))
        except BaseException:
            os.close(fd)
            raise
        return fd

    def exists(self, name: str) -> bool:
        """Whether there is such a file.  StoreError if it is one that others could have put here."""
        try:
            found = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        check_private(self.path / name, found)
        return True

    @contextmanager
    def new_file(self) -> Iterator[tuple[str, int]]:
        """A name that nobody can foretell, and the descriptor of the empty file that has it; gone afterwards unless renamed."""
        name = _NEW + secrets.token_hex(16)
        fd = self.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        with _medium(self.path):
            try:
                yield name, fd
            finally:
                os.close(fd)
                with suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=self._fd)

    def rename(self, old: str, new: str) -> None:
        """The file has the other name, for good, and whatever had it is gone."""
        with _medium(self.path / new):
            os.rename(old, new, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        self.sync()

    def remove(self, name: str) -> None:
        """There is no such file."""
        with _medium(self.path / name), suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self._fd)

    def sync(self) -> None:
        """The names in the directory are on the disk."""
        with _medium(self.path):
            os.fsync(self._fd)

    def close(self) -> None:
        """Another process may have the directory."""
        for fd in (self._lock, self._fd):
            if fd >= 0:
                os.close(fd)
        self._lock = self._fd = -1


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _open_directory(path: Path) -> int:
    missing = [folder for folder in (path, *path.parents) if not os.path.lexists(folder)]
    before = os.umask(0o077)
    try:
        for folder in reversed(missing):
            with suppress(FileExistsError):
                folder.mkdir(_PRIVATE_DIRECTORY)
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise _refused(path, error) from None
    finally:
        os.umask(before)
    found = os.fstat(fd)
    if found.st_uid != os.geteuid() or found.st_mode & 0o077:
        os.close(fd)
        raise StoreError(f"{path}: the directory of a store is its user's alone; `chmod 700` it, or choose another one")
    return fd


def check_private(place: Path, found: os.stat_result) -> None:
    """Raises StoreError unless it is a plain file that is ours alone and has one name."""
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise StoreError(f"{place}: this is no plain file, or one with a second name; a store follows no links")
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & 0o077:
        raise StoreError(f"{place}: others may read or write this file; `chmod 600` it after making sure who did")


def open_key_file(path: Path) -> int:
    """A descriptor of a key file, for reading.  StoreKeyError if there is none, StoreError if others could read it."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise StoreKeyError(f"{path}: there is no such key file; name the one that the store was made with") from None
    except OSError as error:
        raise _refused(path, error) from None
    try:
        check_private(path, os.fstat(fd))
    except BaseException:
        os.close(fd)
        raise
    return fd


def _refused(place: Path, error: OSError) -> StoreError:
    if place.is_symlink():
        return StoreError(f"{place}: this is a symbolic link; a store follows none: name the place itself")
    return _storage_error(place, error)


__all__ = ["Folder", "check_private", "open_key_file"]
