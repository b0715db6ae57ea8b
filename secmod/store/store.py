# SPDX-License-Identifier: Apache-2.0
"""A store: one directory, one owner, any number of modules; what a transaction has written is durable when it ends."""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from secmod.crypto import StoreKey, Vault
from secmod.errors import StoreDamagedError, StoreError, StoreProfileError
from secmod.store import keys, opening
from secmod.store.database import BACK, FILE, Database, Durability, refuse_version
from secmod.store.folder import Folder
from secmod.store.index import Index, Origin, Root, index_tag
from secmod.store.keys import KeyFile, KeySource, Passphrase
from secmod.store.mark import Mark
from secmod.store.migrate import FORMAT, migrate
from secmod.store.module import ModuleStore, no_snapshot
from secmod.store.transaction import Transaction, tell_done

log = logging.getLogger(__name__)


class Store:
    """The store in a directory, open until `close`; a context manager.  Any thread may use it.

    With durability "full" a change is on the disk when its transaction ends; with "fast" it outlives the process, and the last
    ones are lost when the power of the machine goes.  `observer` is called before each step of a transaction: "begin",
    "write NAME", "commit", and "done" after it; what it raises ends the transaction as a failing disk would (PowerLostError at
    "done": the power goes after all is written).
    """

    def __init__(
        self, folder: Folder, database: Database, vault: Vault, source: KeySource, observer: Callable[[str], None] | None
    ) -> None:
        self.path = folder.path
        self.observer = observer
        self._folder = folder
        self._database = database
        self._vault = vault
        self._lock = threading.RLock()
        self._pid = os.getpid()
        self._doubt = False
        self._marked = True  # whether each commit is noted beside the database
        self._copy = False  # whether the database is none yet that the directory is named after
        if not database.rows("SELECT 1 FROM sqlite_master"):
            opening.create(folder, database, source, vault)
        version = database.number("user_version")
        refuse_version(database.path, version, database.number("application_id"), FORMAT)
        self._header = opening.read_header(database)
        self._key = keys.unlock(self._header, source, folder, vault)
        migrate(database, self._key, version)
        self._root = opening.read_root(database, self._key, self._header)
        self._mark = Mark(folder, self._key, self._header.identifier)

    @classmethod
    def open(
        cls,
        path: Path,
        key: KeySource = KeyFile(),  # noqa: B008  (a frozen value)
        *,
        durability: Durability = "full",
        observer: Callable[[str], None] | None = None,
    ) -> Self:
        """The store in this directory, made if there is none.

        Raises StoreBusyError with the owner's pid, StoreKeyError, StoreDamagedError, StoreVersionError, or StoreError for a place
        that others can reach.
        """
        folder = Folder(Path(os.path.abspath(path)))  # noqa: PTH100  (resolve() would follow links)
        database = None
        try:
            opening.check_files(folder)
            database = Database(folder.path / FILE, durability)
            store = cls(folder, database, Vault(), key, observer)
            opening.check_generation(folder.path, store._mark, store._root)
        except BaseException:
            if database is not None:
                database.close()
            folder.close()
            raise
        store._marked = durability == "full"
        _open_stores.add(store)
        return store

    @classmethod
    def of_copy(cls, folder: Folder, name: str, key: KeySource) -> Self:
        """A store whose database is another file of the directory, which stays locked when it is closed."""
        database = Database(folder.path / name, "full")
        try:
            store = cls(folder, database, Vault(), key, None)
        except BaseException:
            database.close()
            raise
        store._marked, store._copy = False, True
        return store

    def take_over(self, name: str) -> None:
        """The copy of this name is the directory's store from now on, in place of what was there; it is closed.

        Generations go on from the later of the two.
        """
        with suppress(StoreDamagedError):
            self._root.generation = max(self._root.generation, self._mark.open() or 0)
        self._void()
        self._database.empty_log()
        self._database.close()
        self._mark.create(self._root.generation)
        self._folder.remove(FILE + "-wal")  # the log of what is replaced: it must not be taken for the other's
        self._folder.rename(name, FILE)
        self._leave()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Everything is in the database file, and another process may open the store; closing again does nothing."""
        with self._lock:
            if self._pid == os.getpid() and not self._closed:
                try:
                    self._database.empty_log()
                    self._mark.write(self._root.generation)
                except (StoreError, OSError) as error:
                    log.warning("%s: the log stays for the next opening: %s", self.path, error)
            self._leave()

    def _leave(self) -> None:
        self._mark.close()
        self._database.close()
        if not self._copy:
            self._folder.close()
        self._vault.close()
        self._pid = 0

    def abandon(self) -> None:
        """In a child of a fork: the store is its parent's; neither its lock is held here, nor its database ever closed."""
        self._folder.close()
        self._database.abandon()

    @property
    def _closed(self) -> bool:
        return self._pid == 0

    # ---- modules -----------------------------------------------------------------------------------------------------------

    @property
    def numbers(self) -> list[int]:
        """The modules that there are."""
        return list(self._root)

    @property
    def generation(self) -> int:
        """How many transactions the store has seen."""
        return self._root.generation

    @property
    def identifier(self) -> str:
        """What tells this store from every other."""
        return self._header.identifier.hex()

    @property
    def key_kind(self) -> str:
        """Where the key comes from: "passphrase" or "file"."""
        return self._header.kind

    def enrol(self, numbers: Iterable[int], origin: Origin) -> None:
        """The store has modules of these numbers, made from this; those it had already stay as they are.

        StoreProfileError if one was made from something else; one whose index is damaged is told when it is loaded.
        """
        new = []
        for number in numbers:
            if number not in self._root:
                new.append(number)
                continue
            with suppress(StoreDamagedError):
                self._check_origin(number, origin)
        if new:
            with self.transaction() as change:
                for number in new:
                    change.put_index(number, Index(os.urandom(16), origin, change.generation, {}))

    def _check_origin(self, number: int, origin: Origin) -> None:
        found = self.index(number).origin
        if not found.fits(origin):
            other = found.name != origin.name
            reason = f"from profile {found.name} {found.version}" if other else "when its profile had other objects"
            raise StoreProfileError(
                f"{self.path}: module {number} was made {reason}, and profile {origin.name} {origin.version} is asked for; "
                "name the store's own profile, or another directory"
            )
        if found != origin and found.version == origin.version:
            log.info("%s: module %d: the rules of profile %s have changed since it was made", self.path, number, origin.name)

    def module(self, number: int) -> ModuleStore:
        """The records of a module, which is to be enrolled before they are loaded."""
        return ModuleStore(self, number)

    def index(self, number: int) -> Index:
        """The index of a module.  StoreDamagedError if it is not the one that the root knows."""
        with self._lock:
            self._require_own()
            if number not in self._root:
                raise StoreError(f"{self.path}: there is no module {number}; it has {len(self._root)}")
            try:
                octets = self._database.blob("SELECT content FROM modules WHERE number = ?", (number,)) or b""
            except StoreDamagedError as error:
                raise StoreDamagedError(f"{self.path}: the index of module {number} can not be read: {error}; {BACK}") from None
            if index_tag(self._key, number, octets) != self._root[number]:
                raise StoreDamagedError(f"{self.path}: the index of module {number} is damaged; {BACK}")
        return Index.decode(octets)

    def tag(self, number: int) -> bytes:
        """What the root holds of a module's index: another one after each change of the module."""
        return self._root[number]

    def key_for(self, vault: Vault) -> StoreKey:
        """The store's key, in the vault whose secrets are to be sealed."""
        self._require_own()
        return self._key.copy_to(vault)

    @property
    def key(self) -> StoreKey:
        """The store's key, for tags."""
        return self._key

    @property
    def database(self) -> Database:
        """What the records stand in; to be read under `reading`, and written in a `transaction`."""
        return self._database

    @contextmanager
    def reading(self) -> Iterator[Database]:
        """Nobody changes anything meanwhile."""
        with self._lock:
            self._require_own()
            yield self._database

    # ---- changes -----------------------------------------------------------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Everything written inside is durable afterwards; or nothing is, and the error says why."""
        with self._lock:
            self._require_own()
            if self._doubt:
                self._void()
            observe = self.observer
            if observe is not None:
                observe("begin")
            change = Transaction(self._database, self._key, self._root.generation + 1, observe)
            self._database.begin()
            try:
                yield change
                root = self._root.next(change.tags, change.header)
                self._put_root(root)
                if observe is not None:
                    observe("commit")
                self._doubt = True
                self._database.commit()
                self._doubt = False
            except BaseException:
                self._database.rollback()
                if self._doubt:
                    with suppress(StoreError):
                        self._void()
                raise
            self._settled(root)
            if observe is not None:
                tell_done(observe)

    def _settled(self, root: Root) -> None:
        self._root = root
        if self._marked:
            try:
                self._mark.write(root.generation)
            except OSError as error:
                log.warning("%s: its generation could not be noted: %s", self.path, error)

    def _void(self) -> None:
        """A commit that failed on its way may be on the disk all the same: another one goes over it, and changes nothing.

        If it has come to its end after all, and only the word of it was lost, it stands.
        """
        found = opening.read_root(self._database, self._key, self._header)
        if found.generation > self._root.generation:
            self._doubt = False
            self._settled(found)
            return
        root = self._root.next({})
        self._database.begin()
        try:
            self._put_root(root)
            self._database.commit()
        except BaseException:
            self._database.rollback()
            raise
        self._doubt = False
        self._settled(root)

    def _put_root(self, root: Root) -> None:
        opening.put_root(self._database, self._key, self._header.identifier, root)

    def change_key(self, source: KeySource) -> None:
        """The store opens with this from now on, and with what opened it before no more; what it holds is as it was."""
        path = None
        if isinstance(source, KeyFile):
            path = source.path or self.path / keys.NEXT_KEY_NAME
            outer = keys.make_file(path, self._folder, self._vault)
            header = keys.rewrap(self._header.identifier, self._key, outer)
            outer.release()
        else:
            header = keys.rewrap(self._header.identifier, self._key, source)
        with self.transaction() as change:
            change.header = opening.put_header(self._database, self._key, header)
        self._header = header
        self._database.empty_log()  # the old wrapping is nowhere any more
        if path is not None and path.name == keys.NEXT_KEY_NAME:
            self._folder.rename(keys.NEXT_KEY_NAME, keys.KEY_NAME)
        elif isinstance(source, Passphrase):
            self._folder.remove(keys.KEY_NAME)

    def erase_remains(self) -> None:
        """What the last transactions have replaced is in no file of the store any more."""
        with self._lock:
            try:
                self._database.empty_log()
            except StoreError as error:
                log.warning("%s: what was replaced stays in the log for now: %s", self.path, error)

    # ---- snapshots ---------------------------------------------------------------------------------------------------------

    def snapshot(self, name: str) -> None:
        """All modules, as they are now, can be brought back under this name, in place of an older snapshot of it."""
        with self.transaction() as change:
            for number in self._root:
                ModuleStore(self, number).save(change, name)

    def restore(self, name: str) -> None:
        """All modules that the snapshot has are as they were.  StoreError if there is none of this name."""
        numbers = self._having(name)
        with self.transaction() as change:
            for number in numbers:
                ModuleStore(self, number).bring_back(change, name)

    def forget(self, name: str) -> None:
        """The snapshot is gone, and what only it still held is in no file of the store any more.  StoreError if there is none."""
        self._having(name)
        with self.transaction():
            self._database.rows("DELETE FROM saved WHERE name = ?", (name,))
        self.erase_remains()

    def _having(self, name: str) -> list[int]:
        """The modules that have a snapshot of this name.  StoreError if none has."""
        snapshots = self.snapshots()
        numbers = [number for number, found in snapshots if found == name]
        if not numbers:
            raise StoreError(f"{self.path}: {no_snapshot(name, {found for _, found in snapshots})}")
        return numbers

    def snapshots(self) -> list[tuple[int, str]]:
        """Number and name of each module's snapshots."""
        with self.reading() as database:
            return database.rows("SELECT module, name FROM saved WHERE record = '' ORDER BY name, module")

    def _require_own(self) -> None:
        if self._pid != os.getpid():
            why = "the store is closed" if self._closed else "a store is not shared with a process forked from its owner"
            raise StoreError(f"{self.path}: {why}")

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r}, {len(self._root)} modules)"


_open_stores: weakref.WeakSet[Store] = weakref.WeakSet()


def _after_fork() -> None:
    """The child has no store: it must neither hold the lock nor ever close the database, which is its parent's."""
    for store in list(_open_stores):
        store.abandon()


os.register_at_fork(after_in_child=_after_fork)

__all__ = ["FORMAT", "Durability", "Store"]
