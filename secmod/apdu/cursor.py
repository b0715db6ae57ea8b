# SPDX-License-Identifier: Apache-2.0
"""Reading foreign bytes from front to back, with the one check of lengths."""

from __future__ import annotations

from secmod.errors import TlvError


class Cursor:
    """A place in some bytes; every `take` moves it on or raises `TlvError` and leaves it where it was."""

    __slots__ = ("_data", "_offset")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    @property
    def remaining(self) -> int:
        """How many bytes are left."""
        return len(self._data) - self._offset

    @property
    def offset(self) -> int:
        """How many bytes have been taken."""
        return self._offset

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self._offset + count
        if not 0 <= count <= self.remaining:
            raise TlvError(f"{count} bytes wanted at offset {self._offset}, {self.remaining} are left")
        taken = self._data[self._offset : end]
        self._offset = end
        return taken

    def take_int(self, count: int) -> int:
        """The next `count` bytes as a big-endian number."""
        return int.from_bytes(self.take(count), "big")

    def rest(self) -> bytes:
        """All bytes that are left."""
        return self.take(self.remaining)

    def expect_end(self) -> None:
        """Returns if nothing is left."""
        if self.remaining:
            raise TlvError(f"{self.remaining} bytes too many at offset {self._offset}")


__all__ = ["Cursor"]
