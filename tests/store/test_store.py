# SPDX-License-Identifier: Apache-2.0
"""What a store keeps, and that a transaction is all or nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from secmod.crypto import CURVES, Password, PrivateKey, Vault, sha256, verify
from secmod.errors import (
    PowerLostError,
    StorageFullError,
    StoreBusyError,
    StoreError,
    StoreKeyError,
    StoreProfileError,
)
from secmod.store import KeyFile, Origin, Passphrase, Record, Store, upkeep
from tests.store.conftest import ORIGIN

P256 = CURVES["brainpoolP256r1"]


def test_records_come_back_after_the_end_of_the_process(folder: Path, vault: Vault) -> None:
    with Store.open(folder) as store:
        store.enrol([7], ORIGIN)
        module = store.module(7)
        assert module.load(vault).records == {}
        key = vault.generate(P256)
        module.commit(
            {
                "key": Record({"state": "active", "made_in": None, "count": 3, "flag": True}, secret=key),
                "password": Record(secret=vault.password(b"1234567890")),
                "file": Record(data=bytes(3000)),
            }
        )
    with Store.open(folder) as store, Vault() as other:
        contents = store.module(7).load(other)
        assert contents.damaged == {}
        records = contents.records
        assert records["file"].data == bytes(3000)
        assert dict(records["key"].facts) == {"state": "active", "made_in": None, "count": 3, "flag": True}
        again = records["key"].secret
        assert isinstance(again, PrivateKey)
        assert again.public_point == key.public_point
        verify(P256, key.public_point, sha256(b"x"), again.sign(sha256(b"x")))
        password = records["password"].secret
        assert isinstance(password, Password)
        assert password.matches(b"1234567890")


def test_nothing_secret_is_in_the_files(folder: Path, vault: Vault) -> None:
    scalar = bytes(range(1, 33))
    with Store.open(folder) as store:
        store.enrol([0], ORIGIN)
        module = store.module(0)
        module.load(vault)
        module.commit({"key": Record(secret=vault.import_key(P256, scalar)), "pin": Record(secret=vault.password(b"4711081500"))})
        everything = b"".join(path.read_bytes() for path in folder.iterdir())
    assert scalar not in everything
    assert b"4711081500" not in everything


def test_what_was_replaced_is_in_no_file(store: Store, vault: Vault) -> None:
    module = store.module(0)
    module.load(vault)
    module.commit({"key": Record(secret=vault.generate(P256))})
    (sealed,) = store.database.rows("SELECT content FROM records")[0]
    assert sealed[-40:] in b"".join(path.read_bytes() for path in store.path.iterdir())
    module.commit({"key": Record()})
    assert sealed[-40:] not in b"".join(path.read_bytes() for path in store.path.iterdir())


@pytest.mark.parametrize("step", ["begin", "write one", "write two", "commit"])
@pytest.mark.parametrize("error", [PowerLostError, StorageFullError, RuntimeError])
def test_a_transaction_that_fails_has_done_nothing(
    store: Store, folder: Path, vault: Vault, step: str, error: type[Exception]
) -> None:
    module = store.module(0)
    module.load(vault)
    module.commit({"one": Record({"n": 1}), "two": Record({"n": 1})})

    def observe(reached: str) -> None:
        if reached == step:
            raise error(step)

    store.observer = observe
    with pytest.raises(error):
        module.commit({"one": Record({"n": 2}), "two": Record({"n": 2})})
    store.observer = None
    assert [dict(record.facts) for record in module.load(vault).records.values()] == [{"n": 1}, {"n": 1}]
    module.commit({"one": Record({"n": 3})})
    store.close()
    with Store.open(folder) as again:
        found = again.module(0).load(vault).records
        assert (found["one"].facts, found["two"].facts) == ({"n": 3}, {"n": 1})


def test_the_steps_of_a_transaction(store: Store, vault: Vault) -> None:
    steps: list[str] = []
    module = store.module(0)
    module.load(vault)
    store.observer = steps.append
    module.commit({"a": Record(), "b": Record()})
    assert steps == ["begin", "write a", "write b", "commit", "done"]


def test_power_that_goes_after_the_commit(store: Store, vault: Vault) -> None:
    module = store.module(0)
    module.load(vault)

    def observe(reached: str) -> None:
        if reached == "done":
            raise StorageFullError("too late for that")

    store.observer = observe
    with pytest.raises(PowerLostError):
        module.commit({"a": Record({"n": 1})})
    store.observer = None
    assert module.load(vault).records["a"].facts == {"n": 1}


def test_modules_are_apart(store: Store, vault: Vault) -> None:
    for number in (0, 1):
        module = store.module(number)
        module.load(vault)
        module.commit({"number": Record({"n": number})})
    assert [store.module(number).load(vault).records["number"].facts["n"] for number in (0, 1)] == [0, 1]
    with pytest.raises(StoreError, match="no module 2"):
        store.module(2).load(vault)


def test_a_module_that_was_changed_elsewhere(store: Store, vault: Vault) -> None:
    first, second = store.module(0), store.module(0)
    first.load(vault)
    second.load(vault)
    first.commit({"a": Record({"n": 1})})
    first.commit({"a": Record({"n": 2})})
    with pytest.raises(StoreError, match="changed elsewhere"):
        second.commit({"b": Record()})
    store.snapshot("s")
    first.commit({"a": Record({"n": 3})})
    store.restore("s")
    with pytest.raises(StoreError, match="changed elsewhere"):
        first.commit({"a": Record({"n": 4})})
    assert first.load(vault).records["a"].facts == {"n": 2}
    first.commit({"a": Record({"n": 5})})
    assert upkeep.check(store).damaged == ()


def test_another_profile_is_refused(store: Store) -> None:
    store.enrol([0], Origin(ORIGIN.name, "2.0", ORIGIN.shape))  # a later version of it
    with pytest.raises(StoreProfileError, match=r"module 1 was made from profile a profile 1\.0"):
        store.enrol([1, 2], Origin("other", "1.0", ORIGIN.shape))
    with pytest.raises(StoreProfileError, match="had other objects"):
        store.enrol([1], Origin(ORIGIN.name, "1.0", "11" * 32))
    assert store.numbers == [0, 1]


def test_one_owner(store: Store, folder: Path) -> None:
    with pytest.raises(StoreBusyError, match="this process"):
        Store.open(folder)
    script = f"from pathlib import Path; from secmod.store import Store; Store.open(Path({str(folder)!r}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert f"StoreBusyError: {folder}: process {os.getpid()} has this store open" in done.stderr


def test_the_owner_is_killed(folder: Path, vault: Vault) -> None:
    script = (
        "import sys; from pathlib import Path; from secmod.crypto import Vault; from secmod.store import *\n"
        f"store = Store.open(Path({str(folder)!r})); store.enrol([0], Origin('a profile', '1.0', '00' * 32))\n"
        "module = store.module(0); module.load(Vault())\n"
        "for n in range(20): module.commit({'n': Record({'n': n})})\n"
        "print('ready', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout
        assert owner.stdout.readline() == "ready\n"
        with pytest.raises(StoreBusyError) as refused:
            Store.open(folder)
        assert refused.value.pid == owner.pid
        owner.send_signal(signal.SIGKILL)
    with Store.open(folder) as store:
        assert store.module(0).load(vault).records["n"].facts == {"n": 19}


def test_a_fork_has_no_store(store: Store, vault: Vault) -> None:
    module = store.module(0)
    module.load(vault)
    module.commit({"a": Record({"n": 1})})
    child = os.fork()
    if child == 0:
        try:
            store.module(0).load(vault)
        except StoreError as error:
            os._exit(0 if "forked" in str(error) else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    module.commit({"a": Record({"n": 2})})
    assert module.load(vault).records["a"].facts == {"n": 2}


def test_a_store_that_is_closed(folder: Path, vault: Vault) -> None:
    store = Store.open(folder)
    store.enrol([0], ORIGIN)
    module = store.module(0)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        module.load(vault)


def test_passphrases(folder: Path, vault: Vault) -> None:
    with Store.open(folder, Passphrase(b"correct horse")) as store:
        store.enrol([0], ORIGIN)
    assert sorted(path.name for path in folder.iterdir()) == ["generation", "lock", "store.db"]
    with pytest.raises(StoreKeyError, match="passphrase is wrong"):
        Store.open(folder, Passphrase(b"correct horsf"))
    with pytest.raises(StoreKeyError, match="takes a passphrase"):
        Store.open(folder)
    with Store.open(folder, Passphrase(b"correct horse")) as store:
        assert store.numbers == [0]
        store.change_key(Passphrase(b"battery staple"))
    with pytest.raises(StoreKeyError):
        Store.open(folder, Passphrase(b"correct horse"))
    with Store.open(folder, Passphrase(b"battery staple")) as store:
        store.change_key(KeyFile())
    with Store.open(folder) as store:
        store.change_key(KeyFile())  # a fresh one
    with Store.open(folder) as store:
        assert store.numbers == [0]
        store.change_key(Passphrase(b"staple"))
    assert not (folder / "key").exists()


def test_a_key_file_elsewhere(folder: Path, tmp_path: Path) -> None:
    key = tmp_path / "elsewhere"
    with Store.open(folder, KeyFile(key)):
        pass
    assert key.stat().st_mode & 0o777 == 0o600
    assert not (folder / "key").exists()
    with Store.open(folder, KeyFile(key)):
        pass
    with pytest.raises(StoreKeyError, match="missing"):
        Store.open(folder)
    key.write_bytes(bytes(32))
    with pytest.raises(StoreKeyError, match="not the key file of this store"):
        Store.open(folder, KeyFile(key))
    key.write_bytes(bytes(31))
    with pytest.raises(StoreKeyError, match="no key file"):
        Store.open(folder, KeyFile(key))


def test_a_key_file_that_was_about_to_be_replaced(folder: Path) -> None:
    with Store.open(folder):
        pass
    old = (folder / "key").read_bytes()
    with Store.open(folder) as store:
        store.change_key(KeyFile())
    (folder / "key").rename(folder / "key.next")  # as if the process had ended just before the renaming
    (folder / "key").write_bytes(old)
    (folder / "key").chmod(0o600)
    with Store.open(folder):
        pass
    assert (folder / "key").read_bytes() != old
    assert not (folder / "key.next").exists()


def test_snapshots(store: Store, vault: Vault) -> None:
    module = store.module(0)
    module.load(vault)
    key = vault.generate(P256)
    module.commit({"key": Record({"n": 1}, secret=key), "tries": Record({"n": 9})})
    module.snapshot("before")
    module.commit({"key": Record({"n": 2}), "new": Record({"n": 1})})
    generation = store.generation
    module.restore("before")
    assert store.generation > generation
    records = module.load(vault).records
    assert sorted(records) == ["key", "tries"]
    assert isinstance(records["key"].secret, PrivateKey)
    assert records["key"].secret.public_point == key.public_point
    with pytest.raises(StoreError, match="there is no snapshot 'after'; there are: before"):
        module.restore("after")
    with pytest.raises(StoreError, match="no name of a snapshot"):
        module.snapshot("../x")
    store.snapshot("all")
    assert store.snapshots() == [(0, "all"), (1, "all"), (0, "before")]
    store.restore("all")
    store.forget("all")
    assert store.snapshots() == [(0, "before")]
    with pytest.raises(StoreError, match="no snapshot 'all'"):
        store.restore("all")


def test_after_a_restore_nothing_is_sealed_as_before(store: Store, vault: Vault) -> None:
    module = store.module(0)
    module.load(vault)
    key = vault.generate(P256)
    module.snapshot("start")
    sealed, drawn = set(), set()
    for _ in range(50):
        module.load(vault)
        module.commit({"key": Record(secret=key)})
        sealed.add(store.database.rows("SELECT content FROM records WHERE name = 'key'")[0][0])
        drawn.add(vault.random(16))
        module.restore("start")
    assert len(sealed) == 50
    assert len({octets[-200:] for octets in sealed}) == 50
    assert len(drawn) == 50
