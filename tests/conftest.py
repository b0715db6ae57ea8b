# SPDX-License-Identifier: Apache-2.0
"""What all tests share: how deep the generated ones dig, and whether the slow ones run.

HYPOTHESIS_PROFILE=fast (the default) or deep chooses the number of examples.  `--slow` adds the slow tests, `-m slow` runs them
alone.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# In CI the short form repeats itself, so that what it says is about the change; people and the deep form look for new examples.
settings.register_profile("fast", max_examples=200, deadline=None, derandomize=bool(os.environ.get("CI")))
settings.register_profile("deep", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the slow tests too")


def pytest_configure(config: pytest.Config) -> None:
    # pyproject.toml leaves them out by an expression of markers, which a command line of its own replaces.
    if config.getoption("--slow") and config.option.markexpr == "not slow":
        config.option.markexpr = ""
