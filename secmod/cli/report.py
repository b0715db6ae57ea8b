# SPDX-License-Identifier: Apache-2.0
"""How results are printed: tables and lines for people, JSON for programs, both on standard output."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_Function = TypeVar("_Function", bound=Callable[..., Any])

# Standard output that is no terminal has no width of its own: wide enough for every table here.
PLAIN_WIDTH = 120


def json_option(function: _Function) -> _Function:
    """Adds `--json` (parameter `as_json`) to a verb."""
    return click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")(function)


def print_json(result: Mapping[str, Any] | Sequence[Any]) -> None:
    """One JSON document on standard output."""
    click.echo(json.dumps(result, indent=2, ensure_ascii=False))


def console() -> Console:
    """Standard output as rich sees it, at the time of the call."""
    from rich.console import Console

    # Without markup: what a card or a system says must not be read as styling.
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    return console


def table(*columns: str, rows: Iterable[Sequence[str]], right: Sequence[str] = ()) -> Table:
    """A plain table; the columns named in `right` hold numbers."""
    from rich import box
    from rich.table import Table

    result = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        result.add_column(column, justify="right" if column in right else "left", overflow="fold")
    for row in rows:
        result.add_row(*row)
    return result


def shortened(data: bytes) -> str:
    """Hex in words of four bytes; of more than twelve bytes the first eight, and how many there are."""
    if len(data) <= 12:
        return data.hex(" ", -4).upper()
    return f"{data[:8].hex(' ', -4).upper()} … ({len(data)})"


__all__ = ["console", "json_option", "print_json", "shortened", "table"]
