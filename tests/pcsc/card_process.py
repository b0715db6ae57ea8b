# SPDX-License-Identifier: Apache-2.0
"""A card process of its own, to be killed: `python -m tests.pcsc.card_process SOCKET`."""

from __future__ import annotations

import sys

from secmod.errors import LinkError
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from tests.reader.cards import ReaderTestCard


def main() -> None:
    with Server([Slot(ReaderTestCard(), sys.argv[1])]) as server:
        try:
            server.wait_connected(20)
            sys.stdout.write("connected\n")
            sys.stdout.flush()
            server.wait()
        except LinkError as error:
            sys.exit(str(error))


if __name__ == "__main__":
    main()
