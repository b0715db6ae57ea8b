# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator

import pytest

from secmod.crypto import Vault


@pytest.fixture
def vault() -> Iterator[Vault]:
    """A vault that must be empty again in the end, but for what the test itself still holds."""
    with Vault() as made:
        yield made
