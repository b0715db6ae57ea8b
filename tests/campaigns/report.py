# SPDX-License-Identifier: Apache-2.0
"""What a campaign tells while it runs and at its end: progress, a table, JSON; and the status it ends with."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Protocol

from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Row:
    """One finding. `ok` is None for a figure that is only told, else whether it is as it must be."""

    what: str
    value: int | float | str
    unit: str = ""
    ok: bool | None = None

    @property
    def text(self) -> str:
        number = self.value if isinstance(self.value, str) else f"{self.value:,}"
        return f"{number} {self.unit}".rstrip()


@dataclass(slots=True)
class Report:
    """The findings of one campaign, in their order. Progress goes to standard error, if that is a terminal over one line."""

    title: str
    quiet: bool = True
    rows: list[Row] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    _told: float = 0.0

    def row(self, what: str, value: int | float | str, unit: str = "", *, ok: bool | None = None) -> None:  # noqa: PYI041 - both
        """A finding more."""
        self.rows.append(Row(what, value, unit, ok))
        if not self.quiet:
            self._say(f"{what}: {self.rows[-1].text}{'' if ok is not False else '  FAILED'}", over=False)

    def progress(self, text: str) -> None:
        """How far it is; may be called as often as one likes."""
        pause = 0.2 if sys.stderr.isatty() else 10.0  # a log needs no line five times a second
        if not self.quiet and time.monotonic() - self._told > pause:
            self._told = time.monotonic()
            self._say(text, over=sys.stderr.isatty())

    def _say(self, text: str, *, over: bool) -> None:
        start = "\r\033[K" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{start}{time.strftime('%H:%M:%S')} {text}{'' if over else chr(10)}")
        sys.stderr.flush()

    @property
    def failures(self) -> list[Row]:
        """The findings that are not as they must be."""
        return [row for row in self.rows if row.ok is False]

    def as_json(self) -> str:
        """All of it, for machines."""
        return json.dumps(
            {
                "campaign": self.title,
                "seconds": round(time.monotonic() - self.began, 1),
                "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
                "ok": not self.failures,
                "rows": [asdict(row) for row in self.rows],
            },
            indent=1,
            ensure_ascii=False,
        )

    def print(self) -> None:
        """The table, for people."""
        table = Table("", "", "", title=self.title, show_header=False, title_justify="left")
        table.columns[1].justify = "right"
        for row in self.rows:
            table.add_row(escape(row.what), escape(row.text), {None: "", True: "ok", False: "FAILED"}[row.ok])
        Console().print(table)


class Campaign(Protocol):
    """What a module of this folder offers."""

    def __call__(self, report: Report, *, long: bool) -> None:
        """Fills the report; `long` is the form whose figures are published."""


def main(title: str, campaign: Campaign) -> None:
    """Runs a campaign as a program and ends with status 0, or 1 if a row is not as it must be."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--long", action="store_true", help="the form whose figures are published: minutes to hours")
    parser.add_argument("--json", action="store_true", help="the report as JSON on standard output, no table")
    arguments = parser.parse_args()
    report = Report(title, quiet=False)
    campaign(report, long=arguments.long)
    if arguments.json:
        sys.stdout.write(report.as_json() + "\n")
    else:
        report.print()
    sys.exit(1 if report.failures else 0)


__all__ = ["Campaign", "Report", "Row", "main"]
