# SPDX-License-Identifier: Apache-2.0
"""How verbs reach the emulator that runs: its control channel, and the options that say which one and which reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from secmod.cli.report import print_json

_Function = TypeVar("_Function", bound=Callable[..., Any])

WAIT = 10.0  # s for the PC/SC service to power a card


def control_option(function: _Function) -> _Function:
    """Adds `--socket-dir` (parameter `socket_dir`): which emulator is meant."""
    return click.option(
        "--socket-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="As given to `secmod serve`.  [default: /run/secmod for root, $XDG_RUNTIME_DIR/secmod otherwise]",
    )(function)


def reader_option(function: _Function) -> _Function:
    """Adds `--reader` (parameter `reader`)."""
    return click.option("--reader", type=click.IntRange(0), default=0, show_default=True, help="Number of the reader.")(function)


def wait_option(function: _Function) -> _Function:
    """Adds `--wait` (parameter `wait`)."""
    return click.option(
        "--wait",
        type=click.FloatRange(0),
        is_flag=False,
        flag_value=WAIT,
        metavar="[SECONDS]",
        help=f"Return when the PC/SC service has powered the card; fail after so many seconds ({WAIT:g}).",
    )(function)


def send(socket_dir: Path | None, request: Mapping[str, Any]) -> dict[str, Any]:
    """The emulator's answer; what is None in the request is left out.  Raises LinkError, or what the emulator says."""
    from secmod.reader.control import SOCKET_NAME, ask
    from secmod.reader.link import socket_directory

    said = {key: value for key, value in request.items() if value is not None}
    return ask((socket_dir or socket_directory()) / SOCKET_NAME, said, waits=float(said.get("wait", 0)))


def tell(reader: Mapping[str, Any], *, as_json: bool) -> None:
    """Prints a reader's state."""
    if as_json:
        print_json(reader)
    else:
        click.echo(describe(reader))


def describe(reader: Mapping[str, Any]) -> str:
    """A reader's state in one line."""
    card = "empty"
    if reader["inserted"]:
        card = f"{reader['profile'] or 'a card of others'}, {'powered' if reader['powered'] else 'no power'}, {reader['atr']}"
    return f"reader {reader['reader']}: {card}"


__all__ = ["WAIT", "control_option", "describe", "reader_option", "send", "tell", "wait_option"]
