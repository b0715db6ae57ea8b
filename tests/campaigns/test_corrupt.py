# SPDX-License-Identifier: Apache-2.0
"""The short form of `make corrupt`, and that it would notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from secmod.crypto import Vault
from tests.campaigns.corrupt import Intact, campaign, flipped, make_stores, outcome
from tests.campaigns.report import Report


def test_damages(capfd: pytest.CaptureFixture[str]) -> None:
    report = Report("short")
    campaign(report, long=False)
    assert not report.failures, capfd.readouterr().err


def test_a_difference_would_be_noticed(tmp_path: Path) -> None:
    """A store that is older than it should be, or has another record, is neither harmless nor detected."""
    closed, killed = make_stores(tmp_path)
    place = tmp_path / "place"
    place.mkdir(mode=0o700)
    with Vault() as vault:
        assert outcome(closed, place, {}, vault) == "harmless"
        assert outcome(killed, place, {}, vault) == "harmless"
        assert outcome(closed, place, {"key": flipped(closed.files["key"], 7)}, vault) == "refused"
        other = Intact("other", closed.files, closed.seen | {"0/phase": ((), b"", None)}, closed.generation)
        assert outcome(other, place, {}, vault).startswith("WRONG")
        later = Intact("later", closed.files, closed.seen, closed.generation + 1)
        assert outcome(later, place, {}, vault).startswith("WRONG")
