# SPDX-License-Identifier: Apache-2.0
"""winscard_client.c in Python, with pyscard: `python -m bench.pyscard_client scard|connection READER APDU`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final

from smartcard import scard
from smartcard.CardConnection import CardConnection
from smartcard.Exceptions import CardConnectionException
from smartcard.System import readers

from bench.interleave import in_python
from bench.workers import work

_TRIES: Final = 500  # of 10 ms each, until the card is in


def with_scard(reader: str, command: list[int]) -> Callable[[], object]:
    """pyscard's own layer over the C functions."""
    _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
    _, names = scard.SCardListReaders(context, [])
    name = next(name for name in names if name.startswith(reader))
    for _ in range(_TRIES):
        code, card, _ = scard.SCardConnect(context, name, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T1)
        if code == scard.SCARD_S_SUCCESS:
            break
        time.sleep(0.01)
    code, response = scard.SCardTransmit(card, scard.SCARD_PCI_T1, command)
    assert (code, response[-2:]) == (scard.SCARD_S_SUCCESS, [0x90, 0x00])
    return lambda: scard.SCardTransmit(card, scard.SCARD_PCI_T1, command)


def with_connection(reader: str, command: list[int]) -> Callable[[], object]:
    """What most Python programs use."""
    connection = next(item for item in readers() if item.name.startswith(reader)).createConnection()
    for _ in range(_TRIES):
        try:
            connection.connect(CardConnection.T1_protocol)
            break
        except CardConnectionException:
            time.sleep(0.01)
    assert connection.transmit(command)[1:] == (0x90, 0x00)
    return lambda: connection.transmit(command)


def main() -> None:
    layer, reader, command = sys.argv[1:]
    operation = {"scard": with_scard, "connection": with_connection}[layer](reader, list(bytes.fromhex(command)))
    work(in_python(operation))


if __name__ == "__main__":
    main()
