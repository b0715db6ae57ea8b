# SPDX-License-Identifier: Apache-2.0
"""`secmod serve`: the emulator process. It plays the cards; the reader driver inside pcscd brings them to programs."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from secmod.cli.report import json_option, print_json

MOST_READERS = 16  # pcscd's limit


@contextlib.contextmanager
def _stop_signals(until_eof: bool) -> Iterator[list[int]]:
    """File descriptors of which one becomes readable when the process is to stop: SIGTERM, SIGINT, or the end of its input."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    wakeup = signal.set_wakeup_fd(writing)
    before = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield [reading, sys.stdin.fileno()] if until_eof else [reading]
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        os.close(reading)
        os.close(writing)


def _wait_for_stop(stops: list[int]) -> None:
    while True:
        readable, _, _ = select.select(stops, [], [])
        if stops[0] in readable or not os.read(readable[0], 4096):
            return


@click.command(name="serve")
@click.option("--profile", metavar="NAME|FILE", default="open", show_default=True, help="The card: built-in, or a .toml file.")
@click.option("--readers", type=click.IntRange(1, MOST_READERS), default=1, show_default=True, help="Readers, a card in each.")
@click.option("--protocol", type=click.Choice(["T0", "T1"]), default="T1", show_default=True, help="Of the cards.")
@click.option(
    "--socket-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the reader driver listens.  [default: /run/secmod for root, $XDG_RUNTIME_DIR/secmod otherwise]",
)
@click.option("--until-eof", is_flag=True, help="Stop also when standard input ends: a parent process can not leave it behind.")
@click.option("--verbose", "-v", is_flag=True, help="Log every command and response.")
@json_option
def command(
    profile: str, readers: int, protocol: str, socket_dir: Path | None, until_eof: bool, verbose: bool, as_json: bool
) -> None:
    """Play cards behind the reader driver until SIGTERM or SIGINT.

    The driver, loaded by pcscd, listens on one socket per reader; this process connects to it, now or as soon as pcscd runs.
    Either may be restarted: the card is taken out and put in again.
    """
    from secmod.emulator import build_card
    from secmod.reader.server import Server, Slot, default_socket_dir, socket_path

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    log = logging.getLogger("secmod.serve")
    directory = socket_dir or default_socket_dir()
    slots = [Slot(build_card(profile, protocol=protocol), socket_path(directory, number)) for number in range(readers)]
    with _stop_signals(until_eof) as stops, Server(slots):
        if as_json:
            sockets = [str(slot.address) for slot in slots]
            print_json({"profile": profile, "protocol": protocol, "atr": slots[0].card.atr.hex().upper(), "sockets": sockets})
            sys.stdout.flush()
        log.info("%d reader(s) with card %r (%s), sockets in %s", readers, profile, protocol, directory)
        log.info("programs find them through pcscd with our driver: `secmod driver status` tells; Ctrl-C stops")
        _wait_for_stop(stops)
        log.info("stopping")


__all__ = ["command"]
