# SPDX-License-Identifier: Apache-2.0
"""`secmod fault`: lets the cards of the emulator that runs misbehave, as a plan says (docs/faults.md)."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from secmod.cli.control import control_option, send
from secmod.cli.report import console, json_option, print_json, table


@click.group(name="fault")
def command() -> None:
    """Let the emulator's cards misbehave: one fault at a time, or a plan of them.

    These verbs speak to a `secmod serve` that runs, over its control channel. docs/faults.md has every kind of fault.
    """


@command.command(name="add")
@click.argument("words", nargs=-1, required=True, metavar="KIND [NAME=VALUE]…")
@control_option
@json_option
def add(words: tuple[str, ...], socket_dir: Path | None, as_json: bool) -> None:
    """Add a fault: `secmod fault add status sw=0x6F00 ins=pso every=3`."""
    answer = send(socket_dir, {"do": "add-fault", "fault": words[0] if len(words) == 1 else shlex.join(words)})
    if as_json:
        print_json(answer)
    else:
        click.echo(f"fault {answer['number']}")


@command.command(name="load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@control_option
@json_option
def load(file: Path, socket_dir: Path | None, as_json: bool) -> None:
    """Put the plan in FILE (TOML) in the place of all faults."""
    plan = file.read_text(encoding="utf-8", errors="replace")
    _print_faults(send(socket_dir, {"do": "load-faults", "plan": plan, "place": file.name})["faults"], as_json=as_json)


@command.command(name="list")
@control_option
@json_option
def list_faults(socket_dir: Path | None, as_json: bool) -> None:
    """Show the faults, and how often each has struck."""
    _print_faults(send(socket_dir, {"do": "list-faults"})["faults"], as_json=as_json)


@command.command(name="clear")
@click.argument("number", type=click.IntRange(1), required=False)
@control_option
@json_option
def clear(number: int | None, socket_dir: Path | None, as_json: bool) -> None:
    """Take one fault out, or all of them."""
    _print_faults(send(socket_dir, {"do": "clear-faults", "number": number})["faults"], as_json=as_json)


def _print_faults(faults: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(faults)
        return
    if not faults:
        click.echo("no faults")
        return
    rows = [(str(fault["number"]), fault["text"], str(fault["struck"])) for fault in faults]
    console().print(table("number", "fault", "struck", rows=rows, right=("number", "struck")))


__all__ = ["add", "clear", "command", "list_faults", "load"]
