# SPDX-License-Identifier: Apache-2.0
"""Readers of the public vector files in tests/vectors (their README says where each comes from)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[1] / "vectors"


def load(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return document


def wycheproof(name: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Every (group, test) of a Wycheproof file; fails if the file holds fewer tests than it says."""
    document = load(f"wycheproof_{name}_test.json")
    cases = [(group, test) for group in document["testGroups"] for test in group["tests"]]
    assert len(cases) == document["numberOfTests"] > 0
    yield from cases


def cavp(name: str) -> Iterator[dict[str, str]]:
    """The blocks of a CAVP response file that have a message digest."""
    for block in (VECTORS / name).read_text(encoding="ascii").replace("\r", "").split("\n\n"):
        fields = dict(line.split(" = ", 1) for line in block.splitlines() if " = " in line and not line.startswith("["))
        if "MD" in fields:
            yield fields
