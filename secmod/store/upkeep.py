# SPDX-License-Identifier: Apache-2.0
"""Looking through a whole store; copying it into one file, and bringing such a file back."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeAlias

from secmod.crypto import Vault
from secmod.errors import StoreDamagedError, StoreError
from secmod.store.database import check_version
from secmod.store.folder import Folder
from secmod.store.keys import KeySource
from secmod.store.migrate import FORMAT
from secmod.store.store import Store

Progress: TypeAlias = Callable[[int, int], None]
"""Told how much is done, and how much there is."""

_CHUNK = 1 << 20
_TOLD = 3  # damages that an error tells


@dataclass(frozen=True, slots=True)
class Report:
    """What a look through a store has found; `damaged` are sentences, none if all is well."""

    modules: int
    records: int
    snapshots: int
    damaged: tuple[str, ...]


def check(store: Store, progress: Progress | None = None) -> Report:
    """Every record of every module and snapshot has been read and compared with its tag, and every secret unsealed."""
    damaged = _check_database(store)
    records, numbers, snapshots = 0, store.numbers, store.snapshots()
    for done, number in enumerate(numbers):
        if progress is not None:
            progress(done, len(numbers) + len(snapshots))
        found, wrong = _check_module(store, number)
        records += found
        damaged += wrong
    for done, (number, name) in enumerate(snapshots, len(numbers)):
        if progress is not None:
            progress(done, len(numbers) + len(snapshots))
        try:
            store.module(number).check_snapshot(name)
        except StoreError as error:
            damaged.append(str(error))
    if progress is not None:
        progress(len(numbers) + len(snapshots), len(numbers) + len(snapshots))
    return Report(len(numbers), records, len(snapshots), tuple(damaged))


def _check_database(store: Store) -> list[str]:
    """What SQLite itself finds wrong."""
    with store.reading() as database:
        try:
            rows = [str(row[0]) for row in database.rows("PRAGMA integrity_check")]
        except StoreDamagedError as error:
            return [str(error)]
    return [] if rows == ["ok"] else [f"{database.path}: {row}" for row in rows]


def _check_module(store: Store, number: int) -> tuple[int, list[str]]:
    module = store.module(number)
    with Vault() as vault:
        try:
            contents = module.load(vault)
            strays = module.strays()
        except StoreDamagedError as error:
            return 0, [str(error)]
        finally:
            module.unload()
        wrong = [f"module {number}: {name} is damaged: {reason}" for name, reason in contents.damaged.items()]
        wrong += [f"module {number}: {name} stands in no index" for name in strays]
        return len(contents.records) + len(contents.damaged), wrong


def backup(store: Store, target: Path, progress: Progress | None = None) -> None:
    """The store, as it is now, is in one file, 0600, whole or not at all.  StoreError if there is one of this name.

    It opens with what opens the store, a key file with just that: keep one of those too, and not beside it.
    """
    target = Path(os.path.abspath(target))  # noqa: PTH100  (resolve() would follow links)
    if os.path.lexists(target):
        raise StoreError(f"{target} is there already; choose another name, or move it away")
    unfinished = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        fd = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(fd, 0o600)
            with store.reading() as database:
                database.copy_to(unfinished, progress)
            os.fsync(fd)
        finally:
            os.close(fd)
        os.link(unfinished, target)  # unlike a renaming, this replaces nothing
        _sync(target.parent)
    except FileExistsError:
        raise StoreError(f"{target} is there already; choose another name, or move it away") from None
    except OSError as error:
        raise StoreError(f"{target}: no backup can be written here: {error.strerror}; choose another place") from None
    finally:
        with suppress(FileNotFoundError):
            unfinished.unlink()


def bring_back(path: Path, source: Path, key: KeySource, progress: Progress | None = None) -> Report:
    """The store in this directory, made if there is none, is what the backup file holds; if anything is wrong, nothing changes.

    The key is that of the backup.  StoreDamagedError if a part of the backup is damaged.
    """
    folder = Folder(Path(os.path.abspath(path)))  # noqa: PTH100  (as above)
    try:
        with folder.new_file() as (name, fd):
            _copy(source, fd)
            if not check_version(source, fd, FORMAT):
                raise StoreDamagedError(f"{source} is empty: no backup; name another file")
            with closing(Store.of_copy(folder, name, key)) as store:
                report = check(store, progress)
                if report.damaged:
                    raise StoreDamagedError(f"{source}: {'; '.join(report.damaged[:_TOLD])}; nothing was changed")
                store.take_over(name)
    finally:
        folder.close()
    return report


def _copy(source: Path, fd: int) -> None:
    """What the file holds is in the open one, on the disk."""
    try:
        with _open_plain(source) as stream:
            while chunk := stream.read(_CHUNK):
                os.write(fd, chunk)
        os.fsync(fd)
    except OSError as error:
        raise StoreError(f"{source}: {error.strerror}") from None


def _open_plain(path: Path) -> BinaryIO:
    """A plain file, no link, for reading."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


__all__ = ["Progress", "Report", "backup", "bring_back", "check"]
