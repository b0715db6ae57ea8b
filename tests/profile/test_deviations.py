# SPDX-License-Identifier: Apache-2.0
"""docs/deviations.md speaks of places that exist, and marks them as the profile does."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "secmod" / "profiles" / "tr03109_2.toml").read_text(encoding="utf-8")
PROFILE: dict[str, Any] = tomllib.loads(TEXT)
PAGE = (ROOT / "docs" / "deviations.md").read_text(encoding="utf-8")
PLACE = re.compile(r"\[(?P<section>[\w.-]+)(?: (?P<name>[^]]+))?](?: (?P<key>\w+))?")


def rows() -> Iterator[list[str]]:
    """The tables' rows, cell by cell, whose first cell is a place or a file."""
    for line in PAGE.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `"):
            yield cells


def name_of(entry: dict[str, Any]) -> str:
    return entry.get("name") or entry.get("path") or f"{entry.get('tag', 0):04X}"


def entries(section: str, name: str | None) -> list[dict[str, Any]]:
    """What a section of the profile, and a name in it, stand for."""
    found: Any = PROFILE
    for part in section.split("."):
        found = found[part]
    if isinstance(found, dict):
        assert name is None
        return [found]
    return [entry for entry in found if name in ("*", name_of(entry))]


@pytest.mark.parametrize("where", [cells[0].strip("`") for cells in rows()])
def test_places_exist(where: str) -> None:
    if not where.startswith("["):
        assert (ROOT / where).is_file()
        return
    place = PLACE.fullmatch(where)
    assert place
    found = entries(place["section"], place["name"])
    assert found
    if place["key"]:
        assert any(place["key"] in entry for entry in found)


def marked() -> Iterator[tuple[str, str]]:
    """Each line of the profile with the mark S or K of its own: its place, and the mark."""
    section, name = "", ""
    for line in TEXT.splitlines():
        if header := re.match(r"\[+([\w.-]+)]", line):
            section, name = header[1], ""
        elif found := re.match(r"(\w+) = (.*)", line):
            key, value = found[1], found[2]
            if key in ("name", "path") and isinstance(PROFILE[section.split(".")[0]], list):
                name = " " + value.split('"')[1]
            if mark := re.search(r"#.*\[([SK])]", value):
                yield f"[{section}{name}] {key}", mark[1]


def test_marks_are_the_same_in_page_and_profile() -> None:
    on_page = {cells[0].strip("`"): cells[2] for cells in rows() if len(cells) == 4}
    assert on_page == dict(marked())


def test_every_section_is_spoken_of() -> None:
    spoken = {place["section"].split(".")[0] for cells in rows() if (place := PLACE.match(cells[0].strip("`")))}
    assert spoken == set(PROFILE) - {"profile"}
