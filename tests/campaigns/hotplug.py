# SPDX-License-Identifier: Apache-2.0
"""Cards taken out and put in by the thousand, with pcscd and without: none is missed, and how soon a program knows."""

from __future__ import annotations

import time
from contextlib import ExitStack
from statistics import median, quantiles

from secmod.reader.direct import DirectServer
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from tests.campaigns.programs import client_program
from tests.campaigns.report import Report, main
from tests.pcsc.client import OK, CClient
from tests.pcsc.direct import DirectService
from tests.reader.cards import ReaderTestCard

READER = "secmod reader 0 00 00"
_EVENTS = 0x10000  # the counter of a reader has 16 bits


def _paced(client: CClient, server: Server | DirectServer, pairs: int, report: Report) -> tuple[list[int], list[int]]:
    """Latencies (ns) of removals and of insertions: from the call to the program's return from SCardGetStatusChange."""
    seen: dict[bool, list[int]] = {False: [], True: []}
    for number in range(pairs):
        for present in (False, True):
            client.ask("wait 20000")
            began = time.monotonic_ns()
            if present:
                server.insert(0)
            else:
                server.eject(0)
            state = client.hear_state()
            while state.present is not present:  # the change before was told twice: of the card, and of its power
                state = client.wait(20_000)
                assert state.rv == OK, state
            seen[present].append(state.at - began)
        report.progress(f"{number:,} of {pairs:,} pairs, one by one")
    return seen[False], seen[True]


def _storm(client: CClient, server: Server | DirectServer, pairs: int) -> int:
    """How many removals and insertions a program's counter misses when they come as fast as they can be made."""
    before = client.watch(READER).counter
    client.ask("wait 20000")
    for _ in range(pairs):
        server.eject(0)
        server.insert(0)
    state, wanted = client.hear_state(), (before + 2 * pairs) % _EVENTS
    while state.counter != wanted and state.rv == OK:
        state = client.wait(20_000)
    return (wanted - state.counter) % _EVENTS


def _row(report: Report, what: str, latencies: list[int]) -> None:
    report.row(f"{what}: median", round(median(latencies) / 1000), "µs")
    report.row(f"{what}: 99th percentile", round(quantiles(latencies, n=100)[98] / 1000), "µs")


def campaign(report: Report, *, long: bool) -> None:
    """Both services, paced and as a storm."""
    pairs = 10_000 if long else 50
    for kind in ("pcscd", "direct"):
        with ExitStack() as stack:
            service = stack.enter_context(PrivatePcscd() if kind == "pcscd" else DirectService())
            if isinstance(service, DirectService):
                server: Server | DirectServer = service.server
                server.insert(0, ReaderTestCard())
            else:
                server = stack.enter_context(Server([Slot(ReaderTestCard(), service.sockets[0])]))
            client = stack.enter_context(CClient(client_program(), service.env))
            if not client.watch(READER).present:
                client.wait_for(present=True)
            removals, insertions = _paced(client, server, pairs, report)
            report.row(f"{kind}: pairs, one by one", pairs, ok=len(removals) == len(insertions) == pairs)
            _row(report, f"{kind}: removal known", removals)
            _row(report, f"{kind}: insertion known", insertions)
            lost = _storm(client, server, pairs)
            report.row(f"{kind}: pairs in a storm", pairs)
            report.row(f"{kind}: lost", lost, ok=lost == 0)
            works = client.connect(READER)[0] == OK and client.transmit(b"\0\x84\0\0") == (OK, b"\x90\0")
            report.row(f"{kind}: the card answers afterwards", "yes" if works else "no", ok=works)


if __name__ == "__main__":
    main("insertions and removals", campaign)
