# SPDX-License-Identifier: Apache-2.0
"""What a command changes: stored as one transaction before its answer leaves, or put back as it was.

Objects tell the journal before they change.  A card without a store has no journal, and then nobody is told.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from secmod.apdu import SW
from secmod.errors import CardError, StorageError, StoreError
from secmod.store import Record

if TYPE_CHECKING:
    from secmod.crypto import Password, PrivateKey
    from secmod.store import ModuleStore


log = logging.getLogger(__name__)


class Durable:
    """Something that commands change and a store may keep: what is in an object's place, or a fact of the whole module.

    `record_name` is None for what lives in RAM; `damage` says why the store could not give it back, None if all is well.
    """

    __slots__ = ("damage", "journal", "record_name")

    FIELDS: ClassVar[tuple[str, ...]] = ()
    """The attributes that make up its state."""

    def __init__(self, record_name: str | None = None) -> None:
        self.record_name = record_name
        self.journal: Journal | None = None
        self.damage: str | None = None

    def record(self) -> Record:
        """What is to be stored.  In a class whose objects all live in RAM there is nothing."""
        raise NotImplementedError

    def adopt(self, record: Record) -> None:
        """Holds what was stored.  KeyError, TypeError or ValueError if the record is not of its kind."""
        raise NotImplementedError

    def lose(self, reason: str) -> None:
        """The store could not give it back: nothing of it is to be used."""
        self.damage = reason

    def touch(self) -> None:
        """To be called before a change."""
        if self.journal is not None:
            self.journal.note(self)

    def dispose(self, secret: PrivateKey | Password | None) -> None:
        """A secret that is held no longer is wiped: at once, or when the change is stored."""
        if secret is not None and (self.journal is None or not self.journal.keep(self, secret)):
            secret.release()

    def memento(self) -> tuple[Any, ...]:
        """What `put_back` takes."""
        return (self.damage, *(getattr(self, name) for name in self.FIELDS))

    def put_back(self, memento: tuple[Any, ...]) -> None:
        """Everything is as it was."""
        self.damage = memento[0]
        for name, value in zip(self.FIELDS, memento[1:], strict=True):
            setattr(self, name, value)


class Volatile(Protocol):
    """What a card keeps in RAM."""

    def volatile(self) -> tuple[Any, ...]:
        """What a command whose changes could not be stored must not have changed either."""
        ...

    def put_back(self, volatile: tuple[Any, ...]) -> None:
        """Everything that `volatile` has told is as it was."""
        ...


class Journal:
    """The changes of the command at hand.  Outside of `begin` and `end` nothing is noted."""

    __slots__ = ("_before", "_open", "_retired", "_state", "_status", "_store")

    def __init__(self, store: ModuleStore, state: Volatile) -> None:
        self._store = store
        self._state = state
        self._open = False
        self._before: dict[Durable, tuple[Any, ...]] = {}
        self._retired: list[tuple[Durable, PrivateKey | Password]] = []
        self._status: tuple[Any, ...] = ()

    def begin(self) -> None:
        """A command begins."""
        self._open = True

    def note(self, durable: Durable) -> None:
        """It is about to change."""
        if self._open and durable not in self._before:
            if not self._before:
                self._status = self._state.volatile()
            self._before[durable] = durable.memento()

    def keep(self, durable: Durable, secret: PrivateKey | Password) -> bool:
        """Whether the secret is kept until the change is stored."""
        if self._open:
            self._retired.append((durable, secret))
        return self._open

    def commit(self) -> None:
        """What has changed so far is stored, and stays; the command may go on.

        Raises CardError 6581 if the medium does not take it, 6F00 if the store is not what it was: then everything is as before.
        """
        changes = {durable.record_name: durable.record() for durable in self._before if durable.record_name is not None}
        if changes:
            try:
                self._store.commit(changes)
            except StoreError as error:
                self._undo()
                log.warning("nothing was stored: %s", error)
                raise CardError(SW.MEMORY_FAILURE if isinstance(error, StorageError) else SW.NO_DIAGNOSIS, str(error)) from error
            except BaseException:
                self._undo()
                raise
        self._forget()

    def cancel(self) -> None:
        """The command has failed: what a store keeps is as it was; what lives in RAM stays as the command has left it."""
        lasting = {durable: memento for durable, memento in self._before.items() if durable.record_name is not None}
        for durable, memento in lasting.items():
            durable.put_back(memento)
        self._retired = [(durable, secret) for durable, secret in self._retired if durable not in lasting]
        self._forget()

    def end(self) -> None:
        """The command has ended, in whatever way."""
        self._open = False

    def _undo(self) -> None:
        """Everything is as it was, also what is proven and selected."""
        for durable, memento in self._before.items():
            durable.put_back(memento)
        self._retired.clear()
        status, self._status = self._status, ()
        self._forget()
        self._open = False
        if status:
            self._state.put_back(status)
        self._open = True

    def _forget(self) -> None:
        for _, secret in self._retired:
            secret.release()
        self._retired.clear()
        self._before.clear()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """What is changed inside is stored afterwards."""
        self.begin()
        try:
            yield
            self.commit()
        except BaseException:
            self.cancel()
            raise
        finally:
            self.end()

    @property
    def dirty(self) -> bool:
        """Whether anything has changed since the last commit."""
        return bool(self._before)


__all__ = ["Durable", "Journal", "Volatile"]
