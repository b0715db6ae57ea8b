# SPDX-License-Identifier: Apache-2.0
"""A card that answers every command with 9000, behind the server of `secmod serve`: `python -m bench.null_card SOCKET`."""

from __future__ import annotations

import sys

from secmod.reader.server import Server
from secmod.reader.slot import Slot


class NullCard:
    """Does nothing, so that what is measured is the process around a card."""

    atr = bytes.fromhex("3B800181")
    protocol = "T1"

    def power_on(self) -> bytes:
        """The ATR."""
        return self.atr

    def reset(self) -> bytes:
        """The ATR."""
        return self.atr

    def power_off(self) -> None:
        """Nothing to lose."""

    def transmit(self, _command: bytes) -> bytes:
        """Success."""
        return b"\x90\x00"


def main() -> None:
    with Server([Slot(NullCard(), sys.argv[1])]) as server:
        server.wait()


if __name__ == "__main__":
    main()
