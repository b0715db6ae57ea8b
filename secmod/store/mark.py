# SPDX-License-Identifier: Apache-2.0
"""How far the store had come, outside of its database: the file `generation`.

SQLite takes a write-ahead log up to the first frame that is wrong, and what follows as never written: a bit flipped in there
would bring an older state back, with more tries for a PIN.  The generation written here after each commit tells.  It is not
synced: it survives the end of the process in whatever way; after a power cut it may be older than the store, which is no damage.
"""

from __future__ import annotations

import os

from secmod.crypto import StoreKey
from secmod.errors import SealError, StoreDamagedError
from secmod.store.database import BACK
from secmod.store.folder import Folder

MARK = "generation"
_SLOTS = (0, 512)  # written in turns, each in a sector of its own: one is whole whatever happens
_TAG = 32


class Mark:
    """The file, open."""

    def __init__(self, folder: Folder, key: StoreKey, identifier: bytes) -> None:
        self._folder = folder
        self._key = key
        self._context = b"generation" + identifier
        self._fd = -1

    def open(self) -> int | None:
        """The latest generation written here, None if there is no file.  StoreDamagedError if none of its copies is right."""
        if not self._folder.exists(MARK):
            return None
        self._fd = self._folder.open(MARK, os.O_RDWR)
        found = [generation for place in _SLOTS if (generation := self._read(place)) is not None]
        if not found:
            self.close()
            raise StoreDamagedError(f"{self._folder.path / MARK} is damaged; {BACK}")
        return max(found)

    def create(self, generation: int) -> None:
        """The file is there, with this generation in all its places, and on the disk; one that was there is gone."""
        with self._folder.new_file() as (name, fd):
            for place in _SLOTS:
                os.pwrite(fd, self._slot(generation), place)
            os.fsync(fd)
            self._folder.rename(name, MARK)
        self.close()
        self._fd = self._folder.open(MARK, os.O_RDWR)

    def write(self, generation: int) -> None:
        """The store has come to this generation; nothing happens without a file."""
        if self._fd >= 0:
            os.pwrite(self._fd, self._slot(generation), _SLOTS[generation % len(_SLOTS)])

    def close(self) -> None:
        """The file is closed."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _slot(self, generation: int) -> bytes:
        octets = generation.to_bytes(8)
        return octets + self._key.tag(octets, self._context)

    def _read(self, place: int) -> int | None:
        slot = os.pread(self._fd, 8 + _TAG, place)
        try:
            self._key.check(slot[8:], slot[:8], self._context)
        except SealError:
            return None
        return int.from_bytes(slot[:8])


__all__ = ["MARK", "Mark"]
