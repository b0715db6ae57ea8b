# SPDX-License-Identifier: Apache-2.0
"""A result file as a picture (SVG), written with the standard library: bars for medians, a thin line up to the p99.

Of the measurements with many contenders, one curve is shown.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from bench.libraries import LIBRARIES

_WIDTH: Final = 900
_LEFT: Final = 330  # of the bars; names stand before
_RIGHT: Final = 150  # for the figures after
_BAR: Final = 16
_STEP: Final = 22
_OURS: Final = "#2f6fab"
_OTHERS: Final = "#b9c2cc"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: `whisker` is how far the thin line goes, None for no line."""

    name: str
    length: float
    whisker: float | None
    text: str
    ours: bool


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars with one scale; `mark` is the length of the dashed line, the peer's."""

    title: str
    bars: Sequence[Bar]
    mark: float


def svg(result: dict[str, Any]) -> str:
    """The whole picture."""
    parts: list[str] = []
    top = 20
    for panel in _panels(result):
        parts.append(_text(10, top + 12, panel.title, "bold"))
        parts += _draw(panel, top + 26)
        top += 26 + _STEP * len(panel.bars) + 24
    font = "text{font:13px 'DejaVu Sans',sans-serif;fill:#24292f}"
    style = f"<style>{font}.bold{{font-weight:600}}.end{{text-anchor:end}}</style>"
    frame = f'<rect width="{_WIDTH}" height="{top}" fill="#ffffff"/>'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top}" width="{_WIDTH}" height="{top}" role="img">'
    return "\n".join(["<!-- SPDX-License-Identifier: Apache-2.0 -->", head, style, frame, *parts, "</svg>", ""])


def _panels(result: dict[str, Any]) -> list[Panel]:
    panels: dict[str, Panel] = {}
    for name, entries in itertools.groupby(result["benchmarks"], lambda entry: entry["group"]):
        group = list(entries)
        if group[0]["extra_info"]["show"] == "time":
            panels[name] = _time_panel(name, group)
            continue
        operation, _, curve = name.partition(" · ")
        many = len(group) > _FEW
        if many and curve not in {"", SHOWN}:
            continue
        title = f"{operation}{f', {curve}' if many and curve else ''}: rate, × {group[0]['extra_info']['peer']}"
        before = panels[title].bars if title in panels else ()
        panels[title] = Panel(title, [*before, *_rate_bars("" if many else curve, group)], 1.0)
    return list(panels.values())


OTHERS: Final = {*(name for name in LIBRARIES if not name.startswith("secmod")), "os.urandom"}
SHOWN: Final = "brainpoolP256r1"  # of the measurements with many contenders; the tables have all curves
_FEW: Final = 5


def _time_panel(name: str, group: Sequence[dict[str, Any]]) -> Panel:
    bars = []
    for info in (entry["extra_info"] for entry in group):
        p50, p99 = info["ns"]["p50"] / 1e3, info["ns"]["p99"] / 1e3
        ours = info["contender"] != info["peer"]
        times = f"  {info['ratio']['median']:.2f}×" if ours else ""
        bars.append(Bar(info["contender"], p50, p99, f"{p50:.1f} µs{times}", ours))
    floor = min(bar.length for bar in bars if not bar.ours)
    return Panel(f"{name}: µs, p50 (line: p99); dashed: the fastest no-op", bars, floor)


def _rate_bars(curve: str, group: Sequence[dict[str, Any]]) -> list[Bar]:
    bars = []
    for info in (entry["extra_info"] for entry in group):
        if info["contender"] == info["peer"] and len(group) <= _FEW:
            continue
        rate = 1 / info["ratio"]["median"]
        name = f"{info['contender']}, {curve}" if curve else info["contender"]
        bars.append(Bar(name, rate, None, f"{rate:.2f}×  {1e9 / info['ns']['p50']:,.0f}/s", info["contender"] not in OTHERS))
    return bars


def _draw(panel: Panel, top: float) -> list[str]:
    longest = max(max(bar.length, bar.whisker or 0) for bar in panel.bars)
    scale = (_WIDTH - _LEFT - _RIGHT) / max(longest, panel.mark)
    x, bottom = _LEFT + panel.mark * scale, top + len(panel.bars) * _STEP - 2
    parts = [f'<path d="M{x:.1f} {top - 4:g}V{bottom:g}" stroke="#57606a" stroke-dasharray="4 3"/>']
    for number, bar in enumerate(panel.bars):
        y, end = top + number * _STEP, _LEFT + bar.length * scale
        color = _OURS if bar.ours else _OTHERS
        parts.append(_text(_LEFT - 8, y + 13, bar.name, "end"))
        parts.append(f'<rect x="{_LEFT}" y="{y:g}" width="{bar.length * scale:.1f}" height="{_BAR}" fill="{color}"/>')
        if bar.whisker is not None:
            whisker = _LEFT + bar.whisker * scale
            parts.append(f'<path d="M{end:.1f} {y + 8:g}H{whisker:.1f}m0 -4v8" stroke="{color}" fill="none"/>')
            end = whisker
        parts.append(_text(end + 8, y + 13, bar.text))
    return parts


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:g}"{f" class={chr(34)}{kind}{chr(34)}" if kind else ""}>{escape(text)}</text>'


__all__ = ["svg"]
