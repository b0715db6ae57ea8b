# SPDX-License-Identifier: Apache-2.0
"""`secmod serve --direct` in this process, in the place of a private pcscd: its readers are there, and empty."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Self

from secmod.reader.direct import SOCKET_NAME, DirectServer
from secmod.reader.slot import Slot
from tests.reader.cards import ReaderTestCard


class DirectService:
    """From entering to leaving the context; `server` inserts and ejects."""

    def __init__(self, readers: int = 1, **arguments: object) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="secmod-direct-")
        self.sockets = tuple(range(readers))
        slots = [Slot(ReaderTestCard(), f"reader{number}", inserted=False) for number in self.sockets]
        self.server = DirectServer(slots, Path(self._directory.name, SOCKET_NAME), **arguments)
        self.env = self.server.env

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self._directory.cleanup()
