# SPDX-License-Identifier: Apache-2.0
"""`secmod serve`: the emulator process. It plays the cards; the reader driver inside pcscd brings them to programs."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import click

from secmod.cli.report import json_option, print_json

MOST_READERS = 16  # pcscd's limit
_LONGEST_SEED = 256


def _stop_when_told(stop: Callable[[], None], *, until_eof: bool) -> None:
    """Has `stop` called at SIGTERM, at SIGINT and, if so wished, at the end of standard input."""

    def handler(_number: int, _frame: object) -> None:
        # In a thread of its own: a signal may come while this one holds what `stop` waits for.
        threading.Thread(target=stop).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
    if until_eof:
        threading.Thread(target=_at_end_of_input, args=(stop,), daemon=True).start()


def _at_end_of_input(stop: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    stop()


def _seed(text: str | None, number: int) -> bytes | None:
    """What the card in a reader is seeded with: in reader 0 the text itself, as for a card made elsewhere; the others differ."""
    if text is None:
        return None
    seed = (text if number == 0 else f"{text}/{number}").encode()
    if not 1 <= len(seed) <= _LONGEST_SEED:
        raise click.BadParameter(f"a seed has 1 to {_LONGEST_SEED} bytes", param_hint="--deterministic")
    return seed


@click.command(name="serve")
@click.option("--profile", metavar="NAME|FILE", default="open", show_default=True, help="The card: built-in, or a .toml file.")
@click.option("--readers", type=click.IntRange(1, MOST_READERS), default=1, show_default=True, help="Readers, a card in each.")
@click.option("--protocol", type=click.Choice(["T0", "T1"]), default="T1", show_default=True, help="Of the cards.")
@click.option(
    "--socket-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the reader driver listens.  [default: /run/secmod for root, $XDG_RUNTIME_DIR/secmod otherwise]",
)
@click.option(
    "--deterministic",
    "seed",
    metavar="SEED",
    help="Make every random number and key from this text, to replay a session. Nothing such a card holds is secret.",
)
@click.option("--until-eof", is_flag=True, help="Stop also when standard input ends: a parent process can not leave it behind.")
@click.option("--verbose", "-v", is_flag=True, help="Log every command and response.")
@json_option
def command(
    profile: str,
    readers: int,
    protocol: str,
    socket_dir: Path | None,
    seed: str | None,
    until_eof: bool,
    verbose: bool,
    as_json: bool,
) -> None:
    """Play cards behind the reader driver until SIGTERM or SIGINT.

    The driver, loaded by pcscd, listens on one socket per reader; this process connects to it, now or as soon as pcscd runs.
    Either may be restarted: the card is taken out and put in again.
    """
    from secmod.emulator import build_card
    from secmod.reader.driver import socket_name
    from secmod.reader.link import socket_directory
    from secmod.reader.server import Server
    from secmod.reader.slot import Slot

    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    log = logging.getLogger("secmod.serve")
    directory = socket_dir or socket_directory()
    cards = [build_card(profile, protocol, deterministic_seed=_seed(seed, number)) for number in range(readers)]
    slots = [Slot(card, directory / socket_name(number)) for number, card in enumerate(cards)]
    server = Server(slots)
    _stop_when_told(server.stop, until_eof=until_eof)
    with server:
        if as_json:
            sockets = [str(slot.address) for slot in slots]
            facts = {"profile": profile, "protocol": protocol, "atr": cards[0].atr.hex().upper(), "sockets": sockets}
            print_json({**facts, "deterministic": seed is not None})
            sys.stdout.flush()
        log.info("%d reader(s) with card %r (%s), sockets in %s", readers, profile, protocol, directory)
        if seed is not None:
            log.warning("DETERMINISTIC: every key and random number of these cards can be foretold; for replaying sessions only")
        log.info("programs reach them through a pcscd that has our driver (`secmod doctor` looks); Ctrl-C stops")
        server.wait()
    log.info("stopped")


__all__ = ["command"]
