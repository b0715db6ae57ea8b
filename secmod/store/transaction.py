# SPDX-License-Identifier: Apache-2.0
"""One change of a store, while it is being written."""

from __future__ import annotations

from collections.abc import Callable

from secmod.crypto import StoreKey
from secmod.errors import PowerLostError
from secmod.store.database import Database
from secmod.store.index import Index, index_tag


class Transaction:
    """What is being written, all of it or nothing; `generation` is what the store will have come to."""

    __slots__ = ("_key", "database", "generation", "header", "observe", "tags")

    def __init__(self, database: Database, key: StoreKey, generation: int, observe: Callable[[str], None] | None) -> None:
        self.database = database
        self.generation = generation
        self.observe = observe
        self.header: bytes | None = None
        self.tags: dict[int, bytes] = {}
        self._key = key

    def put_index(self, number: int, index: Index) -> None:
        """The module has this index."""
        octets = index.encode()
        self.database.rows("INSERT OR REPLACE INTO modules VALUES (?, ?)", (number, octets))
        self.tags[number] = index_tag(self._key, number, octets)


def tell_done(observe: Callable[[str], None]) -> None:
    """Says "done".  Everything is stored: an observer that raises can only take the power away."""
    try:
        observe("done")
    except PowerLostError:
        raise
    except Exception as error:
        raise PowerLostError(f"after the commit: {error}") from error


__all__ = ["Transaction", "tell_done"]
