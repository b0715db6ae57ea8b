# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.campaigns.hostile import campaign
from tests.campaigns.report import Report


@pytest.mark.pcsc
def test_the_short_form() -> None:
    report = Report("hostile")
    campaign(report, long=False)
    assert report.failures == []
