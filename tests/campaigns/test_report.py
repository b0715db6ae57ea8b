# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import sys

import pytest

from tests.campaigns.report import Report, main


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str, ok: bool) -> int:
    def campaign(report: Report, *, long: bool) -> None:
        report.progress("working")
        report.row("frames", 1_000_000 if long else 10)
        report.row("reports", 0 if ok else 1, ok=ok)

    monkeypatch.setattr(sys, "argv", ["campaign", *arguments])
    with pytest.raises(SystemExit) as end:
        main("a campaign", campaign)
    return end.value.code


@pytest.mark.parametrize("ok", [True, False])
def test_the_status_is_that_of_the_rows(ok: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--long", ok=ok) == (0 if ok else 1)
    out, err = capsys.readouterr()
    assert "1,000,000" in out
    assert ("FAILED" in out) is not ok
    assert "working" in err


def test_json_has_every_row(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    run(monkeypatch, "--json", ok=True)
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is True
    assert told["rows"][0] == {"what": "frames", "value": 10, "unit": "", "ok": None}
