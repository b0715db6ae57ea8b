# SPDX-License-Identifier: Apache-2.0
"""The records of one module: loaded when it gets power, committed by each command that changes one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from secmod.crypto import StoreKey, Vault
from secmod.errors import CryptoError, SealError, StoreDamagedError, StoreError
from secmod.store.index import Index, Origin, record_tag
from secmod.store.record import Record, Stored

if TYPE_CHECKING:
    from secmod.store.store import Store
    from secmod.store.transaction import Transaction

_SNAPSHOT = b"snapshot"
_TAG = 32
_NAMED = 8  # snapshots that an error lists
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Contents:
    """What a module's records hold, by name; and of those that are damaged, what is wrong with them."""

    records: Mapping[str, Record]
    damaged: Mapping[str, str]


class ModuleStore:
    """The records of module `number` of a store.  They are read by `load`, which comes before the first `commit`."""

    __slots__ = ("_held", "_index", "_key", "_tag", "number", "store")

    def __init__(self, store: Store, number: int) -> None:
        self.store = store
        self.number = number
        self._index: Index | None = None
        self._key: StoreKey | None = None
        self._tag = b""  # of the index, by which another's change of the module is seen
        self._held: dict[str, int] = {}  # handles of the secrets that are stored, by record

    def enrol(self, origin: Origin) -> None:
        """The store has the module, made from this.  StoreProfileError if it was made from something else."""
        self.store.enrol((self.number,), origin)

    def load(self, vault: Vault) -> Contents:
        """All records, their secrets in this vault, where those of later commits must be too.

        A record that is damaged is named, and the others are there.  StoreDamagedError if the module's index is damaged: then
        nobody knows which records are right.
        """
        with self.store.reading():
            self._index, self._tag = self.store.index(self.number), self.store.tag(self.number)
        self._key = self.store.key_for(vault)
        records, damaged = {}, {}
        for name, octets in self._octets(self._index).items():
            try:
                records[name] = self._opened(name, self._checked(name, octets))
            except StoreDamagedError as error:
                damaged[name] = str(error)
        self._held = {name: record.secret.handle for name, record in records.items() if record.secret is not None}
        self._held |= dict.fromkeys(damaged, -1)
        return Contents(records, damaged)

    def unload(self) -> None:
        """What `load` has brought into memory is gone, the secrets aside."""
        if self._key is not None:
            self._key.release()
        self._index = self._key = None

    def commit(self, changes: Mapping[str, Record]) -> None:
        """These records are stored in one transaction, durable on return.

        StorageError if the medium did not take them, StoreError if the module was changed by another (a restore, a second card)
        since it was loaded: then the store is as it was.
        """
        index, key = self._loaded()
        erased, held = False, dict(self._held)
        with self.store.transaction() as change:
            if self.store.tag(self.number) != self._tag:
                raise StoreError(f"{self.store.path}: module {self.number} was changed elsewhere; it must be loaded anew")
            tags = dict(index.tags)
            for name, record in changes.items():
                if change.observe is not None:
                    change.observe(f"write {name}")
                sealed = b""
                if record.secret is not None:
                    sealed = key.seal(record.secret, _seal_context(index, name, change.generation))
                octets = Stored(change.generation, record.facts, record.data, sealed).encode()
                held[name] = 0 if record.secret is None else record.secret.handle
                erased |= self._held.get(name, 0) not in (0, held[name])  # the same secret sealed anew need not vanish
                tags[name] = record_tag(self.store.key, index, name, octets)
                change.database.rows("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", (self.number, name, octets))
            following = index.changed(change.generation, tags)
            change.put_index(self.number, following)
        self._index, self._held, self._tag = following, held, self.store.tag(self.number)
        if erased:
            self.store.erase_remains()

    # ---- snapshots ---------------------------------------------------------------------------------------------------------

    def snapshot(self, name: str) -> None:
        """The module, as it is stored now, can be brought back under this name (1 to 64 letters, digits, _ and -)."""
        with self.store.transaction() as change:
            self.save(change, name)

    def restore(self, name: str) -> None:
        """The module is stored as it was at the snapshot, and must be loaded anew.  StoreError if there is none."""
        with self.store.transaction() as change:
            self.bring_back(change, name)
        self.unload()

    def save(self, change: Transaction, name: str) -> None:
        """What `snapshot` does, in a transaction."""
        if _NAME.fullmatch(name) is None:
            raise StoreError(f"{name!r} is no name of a snapshot: it has 1 to 64 letters, digits, _ and -")
        database, index = change.database, self.store.index(self.number)
        place = (self.number, name)
        database.rows("DELETE FROM saved WHERE module = ? AND name = ?", place)
        database.rows("INSERT INTO saved SELECT module, ?, name, content FROM records WHERE module = ?", (name, self.number))
        octets = index.encode()
        tag = self.store.key.tag(octets, self._snapshot_context(name))
        database.rows("INSERT INTO saved VALUES (?, ?, '', ?)", (*place, tag + octets))

    def bring_back(self, change: Transaction, name: str) -> None:
        """What `restore` does, in a transaction.  StoreDamagedError if anything of the snapshot is damaged."""
        index = self.check_snapshot(name)
        change.database.rows("DELETE FROM records WHERE module = ?", (self.number,))
        copy = "INSERT INTO records SELECT module, record, content FROM saved WHERE module = ? AND name = ? AND record <> ''"
        change.database.rows(copy, (self.number, name))
        change.put_index(self.number, index.changed(change.generation, index.tags))

    def check_snapshot(self, name: str) -> Index:
        """The index of a snapshot of which nothing is damaged."""
        what = f"{self.store.path}: snapshot {name!r} of module {self.number}"
        place = (self.number, name)
        with self.store.reading() as database:
            names = {
                found for (found,) in database.rows("SELECT name FROM saved WHERE module = ? AND record = ''", (self.number,))
            }
            whole = database.blob("SELECT content FROM saved WHERE module = ? AND name = ? AND record = ''", place)
            rows = database.rows("SELECT record, content FROM saved WHERE module = ? AND name = ? AND record <> ''", place)
        if whole is None:
            raise StoreError(f"{self.store.path}, module {self.number}: {no_snapshot(name, names)}")
        try:
            self.store.key.check(whole[:_TAG], whole[_TAG:], self._snapshot_context(name))
        except SealError:
            raise StoreDamagedError(f"{what} is damaged") from None
        index = Index.decode(whole[_TAG:])
        found = {
            record: record_tag(self.store.key, index, record, octets) for record, octets in rows if isinstance(octets, bytes)
        }
        wrong = sorted(record for record in found.keys() | index.tags.keys() if found.get(record) != index.tags.get(record))
        if wrong:
            raise StoreDamagedError(f"{what} is damaged: {', '.join(wrong)}")
        return index

    def _snapshot_context(self, name: str) -> bytes:
        return _SNAPSHOT + self.number.to_bytes(4) + name.encode()

    # ---- reading -----------------------------------------------------------------------------------------------------------

    def strays(self) -> list[str]:
        """Names of records that stand in the database and in no index."""
        index = self.store.index(self.number)
        with self.store.reading() as database:
            rows = database.rows("SELECT name FROM records WHERE module = ?", (self.number,))
        return sorted(str(name) for (name,) in rows if name not in index.tags)

    def _octets(self, index: Index) -> dict[str, bytes | None]:
        """What stands under each name of the index; None if nothing does, or it can not be read."""
        with self.store.reading() as database:
            try:
                rows = database.rows("SELECT name, content FROM records WHERE module = ?", (self.number,))
            except StoreDamagedError:
                return {name: self._row(name) for name in index.tags}
        found = {name: content for name, content in rows if isinstance(content, bytes)}
        return {name: found.get(name) for name in index.tags}

    def _row(self, name: str) -> bytes | None:
        with self.store.reading() as database:
            try:
                return database.blob("SELECT content FROM records WHERE module = ? AND name = ?", (self.number, name))
            except StoreDamagedError:
                return None

    def _checked(self, name: str, octets: bytes | None) -> Stored:
        index, _ = self._loaded()
        if octets is None:
            raise StoreDamagedError("it is missing")
        if record_tag(self.store.key, index, name, octets) != index.tags[name]:
            raise StoreDamagedError("its bits have changed, or it is another one, or an older one")
        return Stored.decode(octets)

    def _opened(self, name: str, stored: Stored) -> Record:
        index, key = self._loaded()
        if not stored.sealed:
            return Record(stored.facts, stored.data)
        try:
            return Record(stored.facts, stored.data, key.unseal(stored.sealed, _seal_context(index, name, stored.generation)))
        except CryptoError as error:
            raise StoreDamagedError(f"its secret can not be unsealed: {error}") from None

    def _loaded(self) -> tuple[Index, StoreKey]:
        if self._index is None or self._key is None:
            raise StoreError(f"module {self.number} has not been loaded")
        return self._index, self._key

    def __repr__(self) -> str:
        return f"ModuleStore({self.number})"


def no_snapshot(name: str, there: set[str]) -> str:
    """What is said when there is no snapshot of this name: those that there are, as far as a sentence can hold them."""
    names = sorted(there)
    known = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
    return f"there is no snapshot {name!r}; " + (f"there are: {known}" if names else "none has been taken yet")


def _seal_context(index: Index, name: str, generation: int) -> bytes:
    """What a secret is sealed for: this module, this record, this writing of it."""
    return index.identifier + generation.to_bytes(8) + name.encode()


__all__ = ["Contents", "ModuleStore", "no_snapshot"]
