# SPDX-License-Identifier: Apache-2.0
"""`secmod card`: looks at a card of the emulator that runs, and does to it what no command can."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from secmod.cli.control import control_option, describe, reader_option, send, tell, wait_option
from secmod.cli.report import console, json_option, print_json, table


@click.group(name="card")
def command() -> None:
    """Look at a card of the emulator, exchange it, reset it, set its clock.

    These verbs speak to a `secmod serve` that runs, over its control channel. Programs are told of an exchange only: a reset or
    a loss of power happens to the card alone, as by a disturbance of its supply.
    """


@command.command(name="state")
@reader_option
@control_option
@json_option
def state(reader: int, socket_dir: Path | None, as_json: bool) -> None:
    """Show phase, session, keys, counters and files; no secret is among it."""
    answer = send(socket_dir, {"do": "state", "reader": reader})
    if as_json:
        print_json(answer)
        return
    card = answer["card"]
    session = card["session"]
    click.echo(describe(answer))
    click.echo(f"phase      {card['phase']['letter']} {card['phase']['name']}")
    click.echo(f"session    {'none' if session is None else 'open, proven: ' + ', '.join(session['proven'])}")
    click.echo(f"alarm      {card['alarm'] or 'none'}")
    click.echo(f"clock      {card['clock'] or 'not set'}")
    for title, columns, rows in (
        ("key", ("state", "curve"), card["private_keys"]),
        ("public key", ("present", "curve"), card["public_keys"]),
        ("password", ("state", "tries_left"), card["passwords"]),
        ("file", ("state", "intact"), card["files"]),
    ):
        _print_objects(title, columns, rows)


def _print_objects(title: str, columns: Sequence[str], objects: Iterable[dict[str, Any]]) -> None:
    rows = [(entry["reference"], entry["name"], *(_shown(entry[column]) for column in columns)) for entry in objects]
    if rows:
        console().print(table("", title, *(column.replace("_", " ") for column in columns), rows=rows))


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


@command.command(name="swap")
@click.option("--profile", metavar="NAME|FILE", help="The other card: built-in, or a .toml file.  [default: as `serve` was told]")
@click.option("--module", type=click.IntRange(0), help="With `serve --store`: the module of this number.")
@click.option("--deterministic", "seed", metavar="SEED", help="Make its random numbers and keys from this text.")
@reader_option
@wait_option
@control_option
@json_option
def swap(
    profile: str | None,
    module: int | None,
    seed: str | None,
    reader: int,
    wait: float | None,
    socket_dir: Path | None,
    as_json: bool,
) -> None:
    """Take the card out and put another one in: a new one, or with a store another of its modules."""
    if profile is not None and Path(profile).suffix == ".toml":
        profile = str(Path(profile).absolute())  # the emulator has another working directory
    request = {"do": "swap", "reader": reader, "profile": profile, "module": module, "seed": seed, "wait": wait}
    answer = send(socket_dir, request)
    tell(answer, as_json=as_json)


@command.command(name="reset")
@reader_option
@control_option
@json_option
def reset(reader: int, socket_dir: Path | None, as_json: bool) -> None:
    """Let the card start anew: session, selections and proofs are gone."""
    tell(send(socket_dir, {"do": "reset", "reader": reader}), as_json=as_json)


@command.command(name="power")
@click.argument("to", type=click.Choice(["on", "off"]))
@reader_option
@control_option
@json_option
def power(to: str, reader: int, socket_dir: Path | None, as_json: bool) -> None:
    """Take the card's power away, or give it back."""
    tell(send(socket_dir, {"do": "power", "reader": reader, "to": to}), as_json=as_json)


@command.command(name="clock")
@click.argument("time", required=False)
@reader_option
@control_option
@json_option
def clock(time: str | None, reader: int, socket_dir: Path | None, as_json: bool) -> None:
    """Set the time that the card checks certificates against, as 2026-11-23T08:00:00Z; without TIME it knows none."""
    answer = send(socket_dir, {"do": "clock", "reader": reader, "time": time})
    if as_json:
        print_json(answer)
    else:
        click.echo(f"clock: {answer['clock'] or 'not set'}")


@command.command(name="snapshot")
@click.argument("name")
@reader_option
@control_option
@json_option
def snapshot(name: str, reader: int, socket_dir: Path | None, as_json: bool) -> None:
    """Keep the module under NAME, to bring it back with `restore`; it must have a store."""
    answer = send(socket_dir, {"do": "snapshot", "reader": reader, "name": name})
    if as_json:
        print_json(answer)
    else:
        click.echo(f"snapshot {name}")


@command.command(name="restore")
@click.argument("name")
@reader_option
@control_option
@json_option
def restore(name: str, reader: int, socket_dir: Path | None, as_json: bool) -> None:
    """Bring the module back as it was at the snapshot NAME."""
    tell(send(socket_dir, {"do": "restore", "reader": reader, "name": name}), as_json=as_json)


@command.command(name="latency")
@click.argument("chip", metavar="[CHIP|FILE]", required=False)
@click.option("--seed", default="", help="For times that can be repeated.")
@control_option
@json_option
def latency(chip: str | None, seed: str, socket_dir: Path | None, as_json: bool) -> None:
    """Let all cards take the time of a chip (as `serve --latency`); without CHIP, their own."""
    if chip is not None and Path(chip).suffix == ".toml":
        chip = str(Path(chip).absolute())
    answer = send(socket_dir, {"do": "set-latency", "chip": chip, "seed": seed})
    if as_json:
        print_json(answer)
    else:
        click.echo(f"the time of {answer['chip']}" if answer["chip"] else "their own time")


__all__ = ["clock", "command", "latency", "power", "reset", "restore", "snapshot", "state", "swap"]
