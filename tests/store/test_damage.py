# SPDX-License-Identifier: Apache-2.0
"""What is changed behind the store's back is found and named; make corrupt does it to every bit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from secmod.crypto import CURVES, Vault
from secmod.errors import StoreDamagedError, StoreError
from secmod.store import KeyFile, Record, Store, upkeep
from tests.store.conftest import ORIGIN

P256 = CURVES["brainpoolP256r1"]


@pytest.fixture
def filled(store: Store, vault: Vault) -> Store:
    """Two modules with a key, a file and a counter each, changed several times."""
    for number in (0, 1):
        module = store.module(number)
        module.load(vault)
        for count in range(3):
            module.commit({"tries": Record({"left": count}), "file": Record(data=bytes([count]) * 40)})
        module.commit({"key": Record({"state": "active"}, secret=vault.generate(P256))})
    return store


def content(store: Store, module: int, name: str) -> bytes:
    return bytes(store.database.rows("SELECT content FROM records WHERE module = ? AND name = ?", (module, name))[0][0])


def put(store: Store, module: int, name: str, octets: bytes) -> None:
    store.database.rows("UPDATE records SET content = ? WHERE module = ? AND name = ?", (octets, module, name))


def damaged(store: Store, number: int = 0) -> list[str]:
    with Vault() as vault:
        return sorted(store.module(number).load(vault).damaged)


def test_every_bit_of_a_record(filled: Store) -> None:
    for name in ("tries", "key"):
        octets = content(filled, 0, name)
        for bit in range(0, len(octets) * 8, 7):
            changed = bytearray(octets)
            changed[bit // 8] ^= 1 << bit % 8
            put(filled, 0, name, bytes(changed))
            assert damaged(filled) == [name]
        put(filled, 0, name, octets)
    assert damaged(filled) == damaged(filled, 1) == []


def test_records_that_are_exchanged(filled: Store) -> None:
    first, second = content(filled, 0, "tries"), content(filled, 0, "file")
    put(filled, 0, "tries", second)
    put(filled, 0, "file", first)
    assert damaged(filled) == ["file", "tries"]


def test_records_of_two_modules_that_are_exchanged(filled: Store) -> None:
    first, second = content(filled, 0, "key"), content(filled, 1, "key")
    put(filled, 0, "key", second)
    put(filled, 1, "key", first)
    assert damaged(filled) == damaged(filled, 1) == ["key"]


def test_an_older_record(filled: Store, vault: Vault) -> None:
    old = content(filled, 0, "tries")
    module = filled.module(0)
    module.load(vault)
    module.commit({"tries": Record({"left": 0})})
    put(filled, 0, "tries", old)
    assert damaged(filled) == ["tries"]


def test_a_record_that_is_missing_or_of_another_kind(filled: Store) -> None:
    put(filled, 0, "tries", None)  # type: ignore[arg-type]
    filled.database.rows("DELETE FROM records WHERE module = 0 AND name = 'key'")
    assert damaged(filled) == ["key", "tries"]
    report = upkeep.check(filled)
    assert len(report.damaged) == 2
    assert "module 0: key is damaged: it is missing" in report.damaged


def test_a_record_too_many(filled: Store) -> None:
    filled.database.rows("INSERT INTO records VALUES (0, 'stray', x'00')")
    assert upkeep.check(filled).damaged == ("module 0: stray stands in no index",)


def test_an_older_module(filled: Store, vault: Vault) -> None:
    """All records and the index of one module, as they were together once."""
    rows = filled.database.rows("SELECT name, content FROM records WHERE module = 0")
    (index,) = filled.database.rows("SELECT content FROM modules WHERE number = 0")[0]
    module = filled.module(0)
    module.load(vault)
    module.commit({"tries": Record({"left": 0})})
    for name, octets in rows:
        put(filled, 0, name, octets)
    filled.database.rows("UPDATE modules SET content = ? WHERE number = 0", (index,))
    with pytest.raises(StoreDamagedError, match="index of module 0 is damaged"):
        damaged(filled)
    assert damaged(filled, 1) == []


@pytest.mark.parametrize("table", ["header", "root"])
@pytest.mark.parametrize("column", ["content", "tag"])
def test_what_stands_above_the_modules(filled: Store, table: str, column: str) -> None:
    filled.database.rows(f"UPDATE {table} SET {column} = substr({column}, 1, length({column}) - 1) || x'5a'")  # noqa: S608
    path = filled.path
    filled.close()
    with pytest.raises(StoreError, match=r"damaged|not the key file"):
        Store.open(path)


def test_an_older_header(folder: Path) -> None:
    """Whoever knows the old key file must not open the store with it again."""
    with Store.open(folder) as store:
        row = store.database.rows("SELECT * FROM header")[0]
        old = (folder / "key").read_bytes()
        store.change_key(KeyFile())
        store.database.rows("REPLACE INTO header VALUES (?, ?, ?)", row)
    (folder / "key").write_bytes(old)
    with pytest.raises(StoreDamagedError, match="header of the store is an older one"):
        Store.open(folder)


def test_a_log_that_is_cut_or_changed(filled: Store, tmp_path: Path) -> None:
    log = filled.path / "store.db-wal"
    for place in range(0, log.stat().st_size, 1999):
        copy = tmp_path / "copy"
        shutil.copytree(filled.path, copy)
        with (copy / "store.db-wal").open("r+b") as file:
            if place % 2:
                file.truncate(place)
            else:
                file.seek(place)
                octet = file.read(1)[0]
                file.seek(place)
                file.write(bytes([octet ^ 0x10]))
        try:
            with Store.open(copy) as found:
                assert upkeep.check(found).damaged == ()
                assert found.generation == filled.generation
        except StoreDamagedError:
            pass
        shutil.rmtree(copy)


@pytest.mark.parametrize("name", ["store.db", "generation"])
def test_a_file_that_is_cut(filled: Store, name: str) -> None:
    path = filled.path
    filled.close()
    whole = (path / name).read_bytes()
    for length in (0, 1, 8, 60, 99, 100, 512, 551, 4096, len(whole) // 2, len(whole) - 1):
        if length >= len(whole):
            continue
        (path / name).write_bytes(whole[:length])
        try:
            with Store.open(path) as found:
                harmless = upkeep.check(found).damaged == ()
        except StoreDamagedError:
            harmless = False
        assert not harmless or length > 8 or name == "generation", length  # an octet may be missing that was zero
        (path / name).write_bytes(whole)
    with Store.open(path) as found:
        assert upkeep.check(found).damaged == ()


def test_an_older_store_behind_its_mark(folder: Path, tmp_path: Path, vault: Vault) -> None:
    with Store.open(folder) as store:
        store.enrol([0], ORIGIN)
    old = (folder / "store.db").read_bytes()
    with Store.open(folder) as store:
        module = store.module(0)
        module.load(vault)
        module.commit({"tries": Record({"left": 1})})
    (folder / "store.db").write_bytes(old)
    with pytest.raises(StoreDamagedError, match="the last 1 changes are missing"):
        Store.open(folder)


def test_a_snapshot_that_is_damaged(filled: Store) -> None:
    filled.snapshot("whole")
    filled.database.rows("UPDATE saved SET content = x'00' WHERE module = 1 AND record = 'key'")
    with pytest.raises(StoreDamagedError, match="snapshot 'whole' of module 1 is damaged: key"):
        filled.restore("whole")
    assert len(upkeep.check(filled).damaged) == 1
    filled.database.rows("UPDATE saved SET content = zeroblob(60) WHERE module = 1 AND record = ''")
    with pytest.raises(StoreDamagedError, match="snapshot 'whole' of module 1 is damaged"):
        filled.module(1).restore("whole")
    assert damaged(filled, 1) == []
