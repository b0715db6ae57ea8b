# SPDX-License-Identifier: Apache-2.0
"""From format to format, with formats made up for the purpose."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from secmod.crypto import StoreKey, Vault
from secmod.errors import StoreVersionError
from secmod.store import FORMAT, Store
from secmod.store.database import Database
from secmod.store.migrate import migrate


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    """A store's database by itself."""
    with Store.open(folder):
        pass
    found = Database(folder / "store.db", "full")
    yield found
    found.close()


@pytest.fixture
def key(vault: Vault) -> StoreKey:
    return vault.store_key()


def add_table(database: Database, key: StoreKey) -> None:
    database.rows("CREATE TABLE more (tag BLOB)")


def fill_table(database: Database, key: StoreKey) -> None:
    database.rows("INSERT INTO more VALUES (?)", (key.tag(b"content", b"context"),))


def fail(database: Database, key: StoreKey) -> None:
    database.rows("DROP TABLE records")
    raise RuntimeError("in the middle")


def tables(database: Database) -> set[str]:
    return {name for (name,) in database.rows("SELECT name FROM sqlite_master WHERE type = 'table'")}


def test_all_steps_are_taken(database: Database, key: StoreKey) -> None:
    migrate(database, key, FORMAT, FORMAT + 2, {FORMAT: add_table, FORMAT + 1: fill_table})
    assert database.number("user_version") == FORMAT + 2
    assert database.rows("SELECT tag FROM more") == [(key.tag(b"content", b"context"),)]


def test_a_step_that_fails_leaves_everything_as_it_was(database: Database, key: StoreKey) -> None:
    before = tables(database)
    with pytest.raises(RuntimeError):
        migrate(database, key, FORMAT, FORMAT + 2, {FORMAT: add_table, FORMAT + 1: fail})
    assert tables(database) == before
    assert database.number("user_version") == FORMAT


def test_a_format_that_nothing_leads_on_from(database: Database, key: StoreKey) -> None:
    with pytest.raises(StoreVersionError, match=f"nothing leads on from format {FORMAT + 1}"):
        migrate(database, key, FORMAT, FORMAT + 2, {FORMAT: add_table})
    assert "more" not in tables(database)
