# SPDX-License-Identifier: Apache-2.0
"""`secmod reader`: puts cards into the readers of the emulator that runs, and takes them out."""

from __future__ import annotations

from pathlib import Path

import click

from secmod.cli.control import control_option, reader_option, send, tell, wait_option
from secmod.cli.report import console, json_option, print_json, table


@click.group(name="reader")
def command() -> None:
    """Put cards into the emulator's readers, and take them out.

    These verbs speak to a `secmod serve` that runs, over its control channel.
    """


@command.command(name="list")
@control_option
@json_option
def list_readers(socket_dir: Path | None, as_json: bool) -> None:
    """Show the readers and what is in them."""
    readers = send(socket_dir, {"do": "list"})["readers"]
    if as_json:
        print_json(readers)
        return
    rows = [
        (
            str(reader["reader"]),
            "yes" if reader["connected"] else "no",
            ("powered" if reader["powered"] else "in") if reader["inserted"] else "out",
            (reader["profile"] or "of others") if reader["inserted"] else "",
            reader["protocol"] if reader["inserted"] else "",
            reader["atr"] if reader["inserted"] else "",
        )
        for reader in readers
    ]
    console().print(table("reader", "connected", "card", "profile", "protocol", "ATR", rows=rows, right=("reader",)))


@command.command(name="insert")
@reader_option
@wait_option
@control_option
@json_option
def insert(reader: int, wait: float | None, socket_dir: Path | None, as_json: bool) -> None:
    """Put the card that was taken out back in."""
    tell(send(socket_dir, {"do": "insert", "reader": reader, "wait": wait}), as_json=as_json)


@command.command(name="eject")
@reader_option
@control_option
@json_option
def eject(reader: int, socket_dir: Path | None, as_json: bool) -> None:
    """Take the card out; a command it is working on is lost."""
    tell(send(socket_dir, {"do": "eject", "reader": reader}), as_json=as_json)


__all__ = ["command", "eject", "insert", "list_readers"]
