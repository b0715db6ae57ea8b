# SPDX-License-Identifier: Apache-2.0
"""What stands above the modules of a store, made and checked: the header, the root, and that none of it is an older one."""

from __future__ import annotations

import os
from pathlib import Path

from secmod.crypto import StoreKey, Vault
from secmod.errors import SealError, StoreDamagedError
from secmod.store import keys
from secmod.store.database import APPLICATION, BACK, FILE, Database, check_version, refuse_version
from secmod.store.folder import Folder
from secmod.store.index import TAG_BYTES, Root
from secmod.store.keys import Header, KeySource
from secmod.store.log import version_in_log
from secmod.store.mark import MARK, Mark
from secmod.store.migrate import FORMAT

_HEADER, _ROOT = b"header", b"root"  # contexts of tags


def check_files(folder: Folder) -> None:
    """Raises StoreError unless the store's files, as far as there are any, are ours alone, and of no format newer than ours."""
    fd = folder.open(FILE, os.O_RDWR | os.O_CREAT)
    try:
        # If the power went while the store was made, its first page may be half there: SQLite takes it back by its journal.
        unmade = folder.exists(FILE + "-journal") and not folder.exists(MARK)
        if not unmade and not check_version(folder.path / FILE, fd, FORMAT) and folder.exists(MARK):
            raise StoreDamagedError(f"{folder.path / FILE} is empty, and was not; {BACK}")
    finally:
        os.close(fd)  # before SQLite has it open: closing gives back a process's locks
    for suffix in ("-wal", "-shm", "-journal"):
        if folder.exists(FILE + suffix) and suffix == "-wal":
            _check_log(folder)


def _check_log(folder: Folder) -> None:
    """Raises StoreVersionError if the log makes the database one of a newer format: by opening it SQLite would write."""
    fd = folder.open(FILE + "-wal", os.O_RDONLY)
    try:
        found = version_in_log(fd, (FORMAT, APPLICATION))
    finally:
        os.close(fd)
    if found is not None:
        refuse_version(folder.path / FILE, *found, FORMAT)


def create(folder: Folder, database: Database, source: KeySource, vault: Vault) -> None:
    """The database is a store without modules, on the disk whatever the durability: a new store is there or is not."""
    if folder.exists(MARK):
        raise StoreDamagedError(f"{database.path}: there is nothing in the database, and there was; {BACK}")
    header, key = keys.make(os.urandom(16), source, folder, vault)
    database.use_log()
    database.begin()
    database.create()
    tag = put_header(database, key, header)
    put_root(database, key, header.identifier, Root(1, tag, b""))
    database.rows(f"PRAGMA user_version = {FORMAT}")
    database.commit()
    database.empty_log()
    folder.sync()
    key.release()


def read_header(database: Database) -> Header:
    """The header, which nobody has checked yet: its key comes from it."""
    return Header.decode(_row(database, "header")[0])


def read_root(database: Database, key: StoreKey, header: Header) -> Root:
    """The root.  StoreDamagedError unless it, the header and the tables are what they were, and of the same time."""
    where = database.path.parent
    database.check_schema()
    database.use_log()
    octets, header_tag = _row(database, "header")
    _check(key, where, "header", octets, header_tag, _HEADER)
    octets, tag = _row(database, "root")
    _check(key, where, "root record", octets, tag, _ROOT + header.identifier)
    root = Root.decode(octets)
    if root.header != header_tag[:TAG_BYTES]:
        raise StoreDamagedError(f"{where}: the header of the store is an older one; {BACK}")
    return root


def check_generation(where: Path, mark: Mark, root: Root) -> None:
    """Raises StoreDamagedError if the store had come further than its root says; the mark is there afterwards."""
    marked = mark.open()
    if marked is None:
        if root.generation > 1:
            raise StoreDamagedError(f"{where / MARK}: the file is missing; {BACK}")
        mark.create(root.generation)
    elif marked > root.generation:
        mark.close()
        raise StoreDamagedError(
            f"{where}: the last {marked - root.generation} changes are missing: the database is an older one, or its "
            f"write-ahead log is damaged or cut; {BACK}"
        )


def put_header(database: Database, key: StoreKey, header: Header) -> bytes:
    """Writes the header, inside a transaction; what the root holds of it."""
    octets = header.encode()
    tag = key.tag(octets, _HEADER)
    _put(database, "header", octets, tag)
    return tag[:TAG_BYTES]


def put_root(database: Database, key: StoreKey, identifier: bytes, root: Root) -> None:
    """Writes the root, inside a transaction."""
    octets = root.encode()
    _put(database, "root", octets, key.tag(octets, _ROOT + identifier))


def _put(database: Database, table: str, content: bytes, tag: bytes) -> None:
    database.rows(f"INSERT OR REPLACE INTO {table} VALUES (1, ?, ?)", (content, tag))  # noqa: S608  (a name of ours)


def _row(database: Database, table: str) -> tuple[bytes, bytes]:
    rows = database.rows(f"SELECT content, tag FROM {table}")  # noqa: S608  (a name of ours)
    if len(rows) != 1 or not all(isinstance(value, bytes) for value in rows[0]):
        raise StoreDamagedError(f"{database.path}: the {table} of the store is damaged; {BACK}")
    content, tag = rows[0]
    return content, tag


def _check(key: StoreKey, where: Path, what: str, octets: bytes, tag: bytes, context: bytes) -> None:  # noqa: PLR0913, PLR0917  (a value, and whose)
    try:
        key.check(tag, octets, context)
    except SealError:
        raise StoreDamagedError(f"{where}: the {what} of the store is damaged; {BACK}") from None


__all__ = ["check_files", "check_generation", "create", "put_header", "put_root", "read_header", "read_root"]
