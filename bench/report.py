# SPDX-License-Identifier: Apache-2.0
"""A result file as tables, for the terminal and as Markdown."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

Result = dict[str, Any]
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under their headings."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(result: Result) -> list[Table]:
    """What was measured, then on what."""
    groups = [list(group) for _, group in itertools.groupby(result["benchmarks"], lambda entry: entry["group"])]
    times = [_times(group) for group in groups if group[0]["extra_info"]["show"] == "time"]
    rated = [group for group in groups if group[0]["extra_info"]["show"] == "rate"]
    rates = [_rates(list(alike)) for _, alike in itertools.groupby(rated, _contenders)]
    return [*times, *rates, _facts(result)]


def _contenders(group: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(entry["extra_info"]["contender"] for entry in group)


def _times(group: Sequence[Entry]) -> Table:
    """One row for each contender, with its ratios to the peer."""
    rows = []
    for entry in group:
        info = entry["extra_info"]
        ns, ratio, gates = info["ns"], info["ratio"], info["gates"]
        own = info["contender"] == info["peer"]
        rows.append(
            (
                info["contender"],
                f"{ns['p50'] / 1e3:.1f}",
                f"{ns['p99'] / 1e3:.1f}",
                "peer" if own else f"{ratio['median']:.2f}  ({ratio['min']:.2f} … {ratio['max']:.2f})",
                "peer" if own else f"{ratio['p99']:.2f}",
                "; ".join(_gate(f"{what} ≤ {limit:g}", met=ratio[what] <= limit) for what, limit in gates.items()),
            )
        )
    peers = sorted({f"“{entry['extra_info']['peer']}”" for entry in group})
    head = ("", "p50 µs", "p99 µs", "time, × peer (rounds' min … max)", "p99, × peer", "gate")
    return _without_empty_end(Table(f"{group[0]['group']}; peers: {', '.join(peers)}", head, rows))


def _rates(groups: Sequence[Sequence[Entry]]) -> Table:
    """One row for each group, one column for each contender; the last column says what the gates say."""
    peer = groups[0][0]["extra_info"]["peer"]
    rows = []
    for group in groups:
        verdicts = [
            f"{entry['extra_info']['contender']} {_gate(f'≥ {limit:g}', met=1 / entry['extra_info']['ratio'][what] >= limit)}"
            for entry in group
            for what, limit in entry["extra_info"]["gates"].items()
        ]
        rows.append((group[0]["group"], *map(_rate, group), "; ".join(verdicts)))
    return _without_empty_end(Table(f"operations per second, and × “{peer}”", ("", *_contenders(groups[0]), "gate"), rows))


def _without_empty_end(table: Table) -> Table:
    if any(row[-1] for row in table.rows):
        return table
    return Table(table.title, table.head[:-1], [row[:-1] for row in table.rows])


def _rate(entry: Entry) -> str:
    info = entry["extra_info"]
    each = f"{1e9 / info['ns']['p50']:,.0f}"
    return each if info["contender"] == info["peer"] else f"{each}  {1 / info['ratio']['median']:.2f}×"


def _gate(text: str, *, met: bool) -> str:
    return f"{text} {'met' if met else 'missed'}"


def _facts(result: Result) -> Table:
    commit, conditions = result["commit_info"], result["conditions"]
    rows = [
        ("commit", f"{commit['id'][:12]} of {commit['time']}{', with changes' if commit['dirty'] else ''}"),
        ("measured", result["datetime"]),
        ("conditions", f"one pinned CPU; other processes used {conditions['others_used_before']:.0%} of the machine before"),
    ]
    if conditions["quick"]:
        rows.append(("rounds", "few (--quick): not for comparing"))
    rows += [(key.replace("_", " "), _words(value)) for key, value in result["machine_info"].items()]
    return Table("machine", ("", ""), rows)


def _words(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def print_tables(result: Result) -> None:
    """On standard output."""
    from rich.box import SIMPLE_HEAD  # noqa: PLC0415  (a result can be written without it)
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table as Grid  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    for table in tables(result):
        grid = Grid(title=table.title, title_justify="left", box=SIMPLE_HEAD, show_header=any(table.head))
        for number, name in enumerate(table.head):
            numbers = number and name and name != "gate"
            grid.add_column(name, justify="right" if numbers else "left")
        for row in table.rows:
            grid.add_row(*(Text(cell, style="bold red" if cell.endswith("missed") else "") for cell in row))
        console.print(grid)


def markdown(result: Result, picture: str) -> str:
    """The same for a file beside the picture."""
    parts = [f"# Measured on {result['datetime'][:10]}, commit {result['commit_info']['id'][:12]}", f"![]({picture})"]
    for table in tables(result):
        lines = [_line(table.head), "|---" * len(table.head) + "|", *map(_line, table.rows)]
        parts += [f"## {table.title[0].upper()}{table.title[1:]}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


__all__ = ["Result", "Table", "markdown", "print_tables", "tables"]
