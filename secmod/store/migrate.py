# SPDX-License-Identifier: Apache-2.0
"""From one version of the format to the next: all steps in one transaction, so a store is of the old format or of the new one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from secmod.crypto import StoreKey
from secmod.errors import StoreVersionError
from secmod.store.database import Database

# Takes the tables of one version to the next.  It runs inside the transaction, before anything else is read; what it changes in
# contents that are tagged it tags anew.
Step: TypeAlias = Callable[[Database, StoreKey], None]

FORMAT = 1
STEPS: Mapping[int, Step] = MappingProxyType({})  # version → what leads to the version after it


def migrate(database: Database, key: StoreKey, found: int, wanted: int = FORMAT, steps: Mapping[int, Step] = STEPS) -> None:
    """The database is of the version wanted.  StoreVersionError if no way leads there; whatever is raised leaves it as it was."""
    if found == wanted:
        return
    if missing := [version for version in range(found, wanted) if version not in steps]:
        raise StoreVersionError(f"{database.path}: format {found} can not be opened: nothing leads on from format {missing[0]}")
    database.begin()
    try:
        for version in range(found, wanted):
            steps[version](database, key)
        database.rows(f"PRAGMA user_version = {wanted}")
        database.commit()
    except BaseException:
        database.rollback()
        raise
    database.empty_log()


__all__ = ["FORMAT", "STEPS", "Step", "migrate"]
