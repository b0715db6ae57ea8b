# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

import pytest

from secmod.crypto import CURVES, Curve, Vault


@pytest.fixture(scope="session")
def vault() -> Iterator[Vault]:
    """A vault for tests that leave no key behind."""
    with Vault() as made:
        yield made


@pytest.fixture(scope="session", params=CURVES.values(), ids=lambda curve: curve.name)
def curve(request: pytest.FixtureRequest) -> Curve:
    """Every curve in turn."""
    found: Curve = request.param
    return found
