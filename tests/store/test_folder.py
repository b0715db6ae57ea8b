# SPDX-License-Identifier: Apache-2.0
"""Who may look into a store, what it follows, and what it leaves behind."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
import subprocess
import threading
from pathlib import Path

import pytest

from secmod.crypto import Vault
from secmod.errors import StoreBusyError, StoreDamagedError, StoreError, StoreKeyError, StoreVersionError
from secmod.store import FORMAT, KeyFile, Record, Store, upkeep
from tests.store.conftest import ORIGIN


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_modes_under_any_umask(tmp_path: Path, vault: Vault, umask: int) -> None:
    before = os.umask(umask)
    try:
        place = tmp_path / "new" / "store"
        with Store.open(place) as store:
            store.enrol([0], ORIGIN)
            module = store.module(0)
            module.load(vault)
            module.commit({"a": Record()})
            upkeep.backup(store, place / "backup")
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("store.db", "store.db-wal", "generation", "lock", "key", "backup"), 0o600)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (place, place.parent)] == [0o700, 0o700]


@pytest.mark.parametrize("name", ["store.db", "store.db-wal", "generation", "lock", "key"])
@pytest.mark.parametrize("kind", ["symbolic", "hard", "directory", "readable"])
def test_what_is_no_file_of_ours_alone_is_refused(folder: Path, tmp_path: Path, name: str, kind: str) -> None:
    with Store.open(folder):
        pass
    place, other = folder / name, tmp_path / "other"
    if place.exists():
        place.rename(other)
    else:
        other.write_bytes(b"")
        other.chmod(0o600)
    content = other.read_bytes()
    match kind:
        case "symbolic":
            place.symlink_to(other)
        case "hard":
            place.hardlink_to(other)
        case "directory":
            place.mkdir()
        case _:
            other.rename(place)
            place.chmod(0o640)
    with pytest.raises(StoreError):
        Store.open(folder)
    if kind != "readable":
        assert other.read_bytes() == content


def test_a_directory_that_is_a_link_or_open_to_others(tmp_path: Path, folder: Path) -> None:
    with Store.open(folder):
        pass
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(StoreError, match="symbolic link"):
        Store.open(tmp_path / "link")
    folder.chmod(0o750)
    with pytest.raises(StoreError, match="chmod 700"):
        Store.open(folder)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="Not a directory"):
        Store.open(tmp_path / "file")


def test_a_key_file_elsewhere_is_no_link_and_nobody_elses(folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    with Store.open(folder, KeyFile(key)):
        pass
    key.chmod(0o644)
    with pytest.raises(StoreError, match="chmod 600"):
        Store.open(folder, KeyFile(key))
    key.chmod(0o400)
    with Store.open(folder, KeyFile(key)):
        pass
    (tmp_path / "link").symlink_to(key)
    with pytest.raises(StoreError, match="symbolic link"):
        Store.open(folder, KeyFile(tmp_path / "link"))
    with pytest.raises(StoreKeyError, match="no such key file"):
        Store.open(folder, KeyFile(tmp_path / "none"))


def test_what_was_not_finished_is_swept_away(folder: Path) -> None:
    with Store.open(folder):
        pass
    (folder / ("new-" + "0" * 32)).write_bytes(b"half a key")
    with Store.open(folder):
        pass
    assert sorted(path.name for path in folder.iterdir()) == ["generation", "key", "lock", "store.db"]


def test_an_owner_that_has_ended_is_not_named(folder: Path) -> None:
    """Who has just taken the lock has not told its number yet, and that of the owner before it stands there."""
    with Store.open(folder):
        pass
    gone = subprocess.Popen(["true"])
    gone.wait()
    with (folder / "lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write(f"{gone.pid}\n")
        lock.flush()
        with pytest.raises(StoreBusyError, match="another process has this store open") as refused:
            Store.open(folder)
        assert refused.value.pid is None
        late = threading.Timer(0.05, os.pwrite, (lock.fileno(), f"{os.getppid()}\n".encode(), 0))
        late.start()
        with pytest.raises(StoreBusyError, match=f"process {os.getppid()} has this store open"):
            Store.open(folder)
        late.join()


def header(folder: Path, offset: int, value: int) -> None:
    with (folder / "store.db").open("r+b") as file:
        file.seek(offset)
        file.write(value.to_bytes(4, "big"))


@pytest.mark.parametrize(("offset", "value", "reason"), [(60, FORMAT + 1, "newer secmod"), (68, 7, "another program's")])
def test_what_is_newer_or_not_ours_is_refused_untouched(folder: Path, offset: int, value: int, reason: str) -> None:
    with Store.open(folder) as store:
        store.enrol([0], ORIGIN)
    header(folder, offset, value)
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir() if path.name != "lock"}
    with pytest.raises(StoreVersionError, match=reason):
        Store.open(folder)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir() if path.name != "lock"} == before


def end_in_the_middle(path: Path, *statements: str) -> None:
    """Another program has the database, writes ahead, and is killed: what it has done stands in the log alone."""
    if (child := os.fork()) == 0:
        connection = sqlite3.connect(path, isolation_level=None)
        for statement in ("PRAGMA locking_mode = EXCLUSIVE", "PRAGMA journal_mode = WAL", *statements):
            connection.execute(statement)
        os._exit(0)
    os.waitpid(child, 0)


@pytest.mark.parametrize(
    ("pragma", "reason"), [(f"user_version = {FORMAT + 1}", "newer secmod"), ("application_id = 7", "another program's")]
)
def test_what_only_its_log_makes_newer_is_refused_untouched(folder: Path, pragma: str, reason: str) -> None:
    with Store.open(folder) as store:
        store.enrol([0], ORIGIN)
    end_in_the_middle(folder / "store.db", f"PRAGMA {pragma}")
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir() if path.name != "lock"}
    assert before["store.db-wal"][0]
    with pytest.raises(StoreVersionError, match=reason):
        Store.open(folder)
    assert {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir() if path.name != "lock"} == before


def test_what_sqlite_would_not_take_from_the_log_does_not_count(folder: Path) -> None:
    """A change to a newer format that was never committed, or whose frames are wrong, has not happened."""
    with Store.open(folder) as store:
        store.enrol([0], ORIGIN)
    end_in_the_middle(folder / "store.db", f"PRAGMA user_version = {FORMAT + 1}")
    log = folder / "store.db-wal"
    octets = bytearray(log.read_bytes())
    octets[-1] ^= 1
    log.write_bytes(octets)
    with Store.open(folder) as store:
        assert store.numbers == [0]


@pytest.mark.parametrize("content", [b"x", b"x" * 5000, b"SQLite format 3\x00"])
def test_what_is_no_database(folder: Path, content: bytes) -> None:
    folder.mkdir(mode=0o700)
    (folder / "store.db").write_bytes(content)
    (folder / "store.db").chmod(0o600)
    with pytest.raises(StoreDamagedError, match="no SQLite database"):
        Store.open(folder)


def test_the_beginning_of_a_store_can_be_cut_off_anywhere(folder: Path) -> None:
    """The process may end while it makes a store: the next one makes it anew."""
    folder.mkdir(mode=0o700)
    (folder / "store.db").touch(0o600)
    with Store.open(folder) as store:
        assert store.numbers == []
    (folder / "generation").unlink()
    with Store.open(folder) as store:  # nothing had been stored yet
        store.enrol([0], ORIGIN)
    (folder / "generation").unlink()
    with pytest.raises(StoreDamagedError, match="generation: the file is missing"):
        Store.open(folder)
