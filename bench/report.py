# SPDX-License-Identifier: Apache-2.0
"""A result file as tables, for the terminal and as Markdown."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

Result = dict[str, Any]
Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under their headings."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(result: Result) -> list[Table]:
    """What was to be reached, what was measured, and on what."""
    groups = [list(group) for _, group in itertools.groupby(result["benchmarks"], lambda entry: entry["group"])]
    times = [_times(group) for group in groups if _show(group) == "time"]
    rated = [group for group in groups if _show(group) == "rate"]
    rates = [_rates(list(alike)) for _, alike in itertools.groupby(rated, _kind)]
    return [*_gates(result["benchmarks"]), *times, *rates, _facts(result)]


def every_figure(result: Result) -> Table:
    """All that was measured, for looking things up."""
    rows = []
    for entry in result["benchmarks"]:
        info = entry["extra_info"]
        us = {key: f"{value / 1e3:.4g}" for key, value in info["ns"].items()}
        kilocycles = f"{info['kilocycles']:.4g}" if "kilocycles" in info else ""
        spread = f"{us['min']} … {us['max']}"
        rows.append((entry["group"], info["contender"], us["p50"], spread, us["p99"], _time_ratio(info), kilocycles))
    head = ("", "", "median µs", "min … max", "p99", "time, × peer (rounds' min … max)", "kilocycles")
    return Table("every figure", head, rows)


def _show(group: Sequence[Entry]) -> str:
    return str(group[0]["extra_info"]["show"])


def _kind(group: Sequence[Entry]) -> tuple[str, ...]:
    """Groups of one table: with many contenders, those of one curve; else those with the same contenders."""
    names = tuple(entry["extra_info"]["contender"] for entry in group)
    return (group[0]["group"].partition(" · ")[2], group[0]["extra_info"]["peer"]) if len(names) > _FEW else names


_FEW: Final = 5  # contenders that fit beside each other


def _gates(entries: Sequence[Entry]) -> list[Table]:
    rows = []
    for entry in entries:
        info = entry["extra_info"]
        for what, limit in info["gates"].items():
            measured = info["ratio"][what] if info["show"] == "time" else 1 / info["ratio"][what]
            sign = "≤" if info["show"] == "time" else "≥"
            name = entry["group"] if what == "median" else f"{entry['group']}, {what}"
            stretch = info.get("stretch")
            rows.append(
                (
                    name,
                    info["contender"],
                    info["peer"],
                    f"{measured:.2f}",
                    f"{sign} {limit:.3g}",
                    "" if stretch is None else f"{sign} {stretch:g}",
                    _verdict(measured, limit, stretch, upwards=info["show"] == "rate"),
                )
            )
    return [Table("gates", ("", "", "peer", "× peer", "gate", "stretch", "verdict"), rows)] if rows else []


def _verdict(measured: float, limit: float, stretch: float | None, *, upwards: bool) -> str:
    def reached(wanted: float) -> bool:
        return measured >= wanted if upwards else measured <= wanted

    if not reached(limit):
        return "missed"
    return "met, stretch too" if stretch is not None and reached(stretch) else "met"


def _times(group: Sequence[Entry]) -> Table:
    """One row for each contender, with its ratios to the peer."""
    rows = []
    for entry in group:
        info = entry["extra_info"]
        own = info["contender"] == info["peer"]
        p50, p99 = (f"{info['ns'][key] / 1e3:.1f}" for key in ("p50", "p99"))
        rows.append((info["contender"], p50, p99, _time_ratio(info), "peer" if own else f"{info['ratio']['p99']:.2f}"))
    peers = sorted({f"“{entry['extra_info']['peer']}”" for entry in group})
    head = ("", "p50 µs", "p99 µs", "time, × peer (rounds' min … max)", "p99, × peer")
    return Table(f"{group[0]['group']}; peers: {', '.join(peers)}", head, rows)


def _time_ratio(info: dict[str, Any]) -> str:
    ratio = info["ratio"]
    return "peer" if info["contender"] == info["peer"] else f"{ratio['median']:.3g}  ({ratio['min']:.3g} … {ratio['max']:.3g})"


def _rates(groups: Sequence[Sequence[Entry]]) -> Table:
    """Few contenders are columns; many are rows, and the columns what they did on one curve."""
    names = [entry["extra_info"]["contender"] for entry in groups[0]]
    peer = groups[0][0]["extra_info"]["peer"]
    if len(names) <= _FEW:
        rows = [(group[0]["group"], *map(_rate, group)) for group in groups]
        return Table(f"operations per second, and × “{peer}”", ("", *names), rows)
    operations, _, curve = groups[0][0]["group"].partition(" · ")
    head = ("", *(group[0]["group"].partition(" · ")[0] for group in groups))
    by_name = [{entry["extra_info"]["contender"]: _rate(entry) for entry in group} for group in groups]
    rows = [(name, *(cells.get(name, "") for cells in by_name)) for name in names]
    return Table(f"{curve or operations}: operations per second, and × {peer}", head, rows)


def _rate(entry: Entry) -> str:
    info = entry["extra_info"]
    each = f"{1e9 / info['ns']['p50']:,.0f}"
    return each if info["contender"] == info["peer"] else f"{each}  {1 / info['ratio']['median']:.2f}×"


def _facts(result: Result) -> Table:
    commit, conditions = result["commit_info"], result["conditions"]
    rows = [
        ("commit", f"{commit['id'][:12]} of {commit['time']}{', with changes' if commit['dirty'] else ''}"),
        ("measured", result["datetime"]),
        ("conditions", f"one pinned CPU; other processes used {conditions['others_used_before']:.0%} of the machine before"),
    ]
    if conditions["quick"]:
        rows.append(("rounds", "few (--quick): not for comparing"))
    rows += [(f"left out: {name}", f"needs {lacks}") for name, lacks in conditions.get("left_out", {}).items()]
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
            numbers = number and name and name != "verdict"
            grid.add_column(name, justify="right" if numbers else "left")
        for row in table.rows:
            grid.add_row(*(Text(cell, style="bold red" if cell.endswith("missed") else "") for cell in row))
        console.print(grid)


def markdown(result: Result, picture: str) -> str:
    """The same for a file beside the picture."""
    parts = [f"# Measured on {result['datetime'][:10]}, commit {result['commit_info']['id'][:12]}", f"![]({picture})"]
    for table in (*tables(result), every_figure(result)):
        lines = [_line(table.head), "|---" * len(table.head) + "|", *map(_line, table.rows)]
        parts += [f"## {table.title[0].upper()}{table.title[1:]}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


__all__ = ["Result", "Table", "every_figure", "markdown", "print_tables", "tables"]
