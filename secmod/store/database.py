# SPDX-License-Identifier: Apache-2.0
"""The SQLite file: how it is opened, what stands in it, and what SQLite's errors mean for a store.

One connection, in exclusive mode: the index of the write-ahead log stays in this process's memory, and no file is mapped, so that
one cut short behind our back is an error and no signal.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal, TypeAlias

from secmod.errors import (
    StorageError,
    StorageFullError,
    StorageReadOnlyError,
    StoreBusyError,
    StoreDamagedError,
    StoreError,
    StoreVersionError,
)

Durability: TypeAlias = Literal["full", "fast"]

FILE = "store.db"
BACK = "bring a backup back: `secmod store restore --from FILE`"  # the next step after damage
APPLICATION = 0x5345434D  # "SECM": tells our files from others'
_WAL_PAGES = 256  # pages of the log that are carried over to the database at once

# Tables of format 1.  `header` and `root` have one row; a snapshot's index stands under the record name ''.
SCHEMA = (
    "CREATE TABLE header (one INTEGER PRIMARY KEY, content BLOB, tag BLOB)",
    "CREATE TABLE root (one INTEGER PRIMARY KEY, content BLOB, tag BLOB)",
    "CREATE TABLE modules (number INTEGER PRIMARY KEY, content BLOB)",
    "CREATE TABLE records (module INTEGER, name TEXT, content BLOB, PRIMARY KEY (module, name)) WITHOUT ROWID",
    "CREATE TABLE saved (module INTEGER, name TEXT, record TEXT, content BLOB, PRIMARY KEY (module, name, record)) WITHOUT ROWID",
)

_SETTINGS = (
    "PRAGMA locking_mode = EXCLUSIVE",  # before anything else: then there is no shared memory
    "PRAGMA mmap_size = 0",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA secure_delete = ON",  # what is replaced is overwritten with zeros
    "PRAGMA temp_store = MEMORY",
    "PRAGMA cache_size = -1024",
    f"PRAGMA wal_autocheckpoint = {_WAL_PAGES}",
)
_SYNCHRONOUS = {"full": "FULL", "fast": "NORMAL"}

_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT, sqlite3.SQLITE_ERROR, sqlite3.SQLITE_SCHEMA}
_READ_ONLY = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


class Database:
    """The file of a store, which is there; it belongs to whoever holds the directory's lock."""

    def __init__(self, path: Path, durability: Durability) -> None:
        self.path = path
        with self._translated():
            self._connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
        self._connection.text_factory = _text
        try:
            for setting in (*_SETTINGS, f"PRAGMA synchronous = {_SYNCHRONOUS[durability]}"):
                self.rows(setting)
        except BaseException:
            self.close()
            raise

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """What a statement yields."""
        with self._translated():
            return self._connection.execute(statement, values).fetchall()

    def blob(self, statement: str, values: Sequence[Any] = ()) -> bytes | None:
        """The one blob that a statement yields, None if it yields nothing.  StoreDamagedError if it is something else."""
        found = self.rows(statement, values)
        if not found:
            return None
        if len(found) != 1 or not isinstance(found[0][0], bytes):
            raise StoreDamagedError(f"{self.path}: a value is not of its kind")
        return found[0][0]

    def number(self, pragma: str) -> int:
        """The value of a pragma that is a number."""
        return int(self.rows(f"PRAGMA {pragma}")[0][0])

    def begin(self) -> None:
        """A transaction begins."""
        self.rows("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """What the transaction has written is durable."""
        self.rows("COMMIT")

    def rollback(self) -> None:
        """What the transaction has written is gone, if one is open."""
        with suppress(sqlite3.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def create(self) -> None:
        """Empty tables, inside a transaction."""
        for statement in SCHEMA:
            self.rows(statement)
        self.rows(f"PRAGMA application_id = {APPLICATION}")

    def use_log(self) -> None:
        """The database writes ahead: to be said outside of transactions."""
        if self.rows("PRAGMA journal_mode = WAL") != [("wal",)]:
            raise StoreError(f"{self.path}: this file system takes no write-ahead log; choose another directory")

    def check_schema(self) -> None:
        """Raises StoreDamagedError unless just our tables are there."""
        found = {row[0] for row in self.rows("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
        if found != set(SCHEMA):
            raise StoreDamagedError(f"{self.path}: the tables are not those of a store")

    def empty_log(self) -> None:
        """Everything is in the database file, on the disk, and the log has no octet left: not of what was replaced either."""
        busy, _, _ = self.rows("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        if busy:
            raise StorageError(f"{self.path}: the write-ahead log could not be emptied")

    def copy_to(self, path: Path, progress: Callable[[int, int], None] | None = None) -> None:
        """The whole database is in another file, which is there; `progress` is called with pages done and pages in all."""

        def tell(_status: int, remaining: int, total: int) -> None:
            if progress is not None:
                progress(total - remaining, total)

        with self._translated():
            copy = sqlite3.connect(path, isolation_level=None)
            try:
                self._connection.backup(copy, pages=_WAL_PAGES, progress=tell)
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()

    def close(self) -> None:
        """The file is closed."""
        with suppress(sqlite3.Error):
            self._connection.close()

    def abandon(self) -> None:
        """In a child of a fork: the connection is its parent's, and never closed here, not even by the end of the interpreter."""
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._connection))

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors as ours."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._error(error) from error
        except UnicodeDecodeError as error:  # SQLite's own message quotes what is damaged
            raise self._error(sqlite3.DatabaseError(str(error))) from error

    def _error(self, error: sqlite3.Error) -> StoreError:
        # An error without a code comes from Python's side of the binding: a value that can not be what it should.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return StorageFullError(f"{self.path}: no space is left; make room and try again")
        if code in _READ_ONLY:
            return StorageReadOnlyError(f"{self.path}: can not be written: {error}")
        if code in _BUSY:
            return StoreBusyError(f"{self.path}: another program has the database open; end it first")
        if code in _DAMAGE:
            return StoreDamagedError(f"{self.path} is damaged ({error}); {BACK}")
        return StorageError(f"{self.path}: {error}")


def check_version(path: Path, fd: int, newest: int) -> bool:
    """Looks at the first bytes of a database before SQLite does; whether there are any.

    StoreVersionError if it is of a newer format, or not ours; it is left untouched.
    """
    head = os.pread(fd, 100, 0)
    if not head:
        return False
    if len(head) < 100 or not head.startswith(b"SQLite format 3\x00"):
        raise StoreDamagedError(f"{path} is damaged: no SQLite database; {BACK}")
    version, application = int.from_bytes(head[60:64]), int.from_bytes(head[68:72])
    refuse_version(path, version, application, newest)
    return True


def refuse_version(path: Path, version: int, application: int, newest: int) -> None:
    """Raises StoreVersionError for a database of a newer format, or of another program."""
    if application not in (0, APPLICATION):
        raise StoreVersionError(f"{path}: this is another program's database; choose another directory")
    if version > newest:
        raise StoreVersionError(
            f"{path}: format {version} was made by a newer secmod; this one knows formats up to {newest}: "
            "install the newer one (nothing was touched)"
        )


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", "replace")


__all__ = ["APPLICATION", "BACK", "FILE", "SCHEMA", "Database", "Durability", "check_version", "refuse_version"]
