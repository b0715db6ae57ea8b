# SPDX-License-Identifier: Apache-2.0
"""A store with one module, and what a test puts in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from secmod.crypto import Vault
from secmod.store import Origin, Store

ORIGIN = Origin("a profile", "1.0", "00" * 32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a store may be made."""
    return tmp_path / "store"


@pytest.fixture
def vault() -> Iterator[Vault]:
    with Vault() as made:
        yield made


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    """A new store, open, with modules 0 and 1."""
    with Store.open(folder) as made:
        made.enrol((0, 1), ORIGIN)
        yield made
