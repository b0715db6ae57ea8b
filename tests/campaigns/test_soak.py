# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from tests.campaigns.report import Report
from tests.campaigns.soak import campaign


@pytest.mark.pcsc
def test_the_short_form() -> None:
    report = Report("soak")
    campaign(report, long=False)
    assert report.failures == []
