# SPDX-License-Identifier: Apache-2.0
"""`serve --store` and `secmod store`: what a person does with a store, and what is said when it goes wrong."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any, Self

import pytest

from tests.cli.test_serve import ready, serving

GENERATE, READ_PUBLIC, SECOND = "0046C08100", "0046818100", "0046818300"
READER = "pcsc:secmod reader 0 00 00"


class Serving:
    """`secmod serve --direct --store` in a process of its own, and cards spoken to through it."""

    def __init__(self, secmod: Any, folder: Path, *words: str) -> None:
        self._secmod = secmod
        self._words = ("--direct", "--socket-dir", str(folder / "sockets"), "--store", str(folder / "store"), *words)

    def __enter__(self) -> Self:
        self._serving = serving(*self._words)
        self.process = self._serving.__enter__()
        self.said = ready(self.process)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        _, log = self.process.communicate(timeout=20)
        self._serving.__exit__(None, None, None)
        assert "Traceback" not in log

    def say(self, command: str) -> str:
        answer = self._secmod("apdu", "--json", "--to", READER, command, env=self.said["env"])
        assert answer.stdout, answer.stderr
        (exchange,) = json.loads(answer.stdout)
        return str(exchange["data"] + exchange["sw"])


@pytest.fixture
def kept(secmod: Any, tmp_path: Path) -> Path:
    """A store with three modules, the first of which has a key."""
    with Serving(secmod, tmp_path, "--modules", "3") as server:
        assert (server.said["modules"], server.said["durability"]) == (3, "full")
        assert server.say(GENERATE).endswith("9000")
    return tmp_path / "store"


def test_a_restart_shows_the_same_card(secmod: Any, tmp_path: Path) -> None:
    with Serving(secmod, tmp_path, "--modules", "2") as server:
        made = server.say(GENERATE)
        server.process.kill()
        server.process.wait()
    with Serving(secmod, tmp_path, "--durability", "fast") as server:
        assert server.said["modules"] == 2
        assert server.say(READ_PUBLIC) == made
        swapped = secmod("card", "swap", "--module", "1", "--wait", "--socket-dir", str(tmp_path / "sockets"))
        assert (swapped.returncode, swapped.stderr) == (0, "")
        assert server.say(READ_PUBLIC) == "6400"
        for words, reason in ((("--module", "2"), "the store has 2"), (("--profile", "open"), "name a module")):
            refused = secmod("card", "swap", *words, "--socket-dir", str(tmp_path / "sockets"))
            assert (refused.returncode, reason in refused.stderr) == (1, True)


def test_info_and_check(secmod: Any, kept: Path) -> None:
    told = json.loads(secmod("store", "info", "--store", str(kept), "--json").stdout)
    assert (told["format"], told["key"], len(told["modules"]), told["snapshots"]) == (1, "file", 3, {})
    assert told["modules"][0]["records"] == 1
    assert "1 of them changed" in secmod("store", "info", env={"SECMOD_STORE": str(kept)}).stdout
    assert secmod("store", "check", "--store", str(kept)).stdout == "well: 3 modules, 1 records, 0 snapshots of modules\n"


def test_backup_and_restore(secmod: Any, kept: Path, tmp_path: Path) -> None:
    backup = tmp_path / "copy"
    done = secmod("store", "backup", str(backup), "--store", str(kept))
    assert done.returncode == 0, done.stderr
    assert "keep a copy of the key file too" in done.stderr
    assert backup.stat().st_mode & 0o777 == 0o600
    again = secmod("store", "backup", str(backup), "--store", str(kept))
    assert (again.returncode, "is there already" in again.stderr) == (1, True)
    with Serving(secmod, tmp_path) as server:
        made = server.say(READ_PUBLIC)
        assert server.say(GENERATE) != made
    restored = secmod("store", "restore", "--from", str(backup), "--store", str(kept), "--json")
    assert json.loads(restored.stdout) == {"from": str(backup), "modules": 3, "records": 1}
    with Serving(secmod, tmp_path) as server:
        assert server.say(READ_PUBLIC) == made


def test_a_backup_that_is_damaged_changes_nothing(secmod: Any, kept: Path, tmp_path: Path) -> None:
    backup = tmp_path / "copy"
    secmod("store", "backup", str(backup), "--store", str(kept))
    octets = bytearray(backup.read_bytes())
    octets[octets.index(b"private_key/")] ^= 1
    backup.write_bytes(octets)
    before = (kept / "store.db").read_bytes()
    refused = secmod("store", "restore", "--from", str(backup), "--store", str(kept))
    assert (refused.returncode, "damaged" in refused.stderr) == (1, True)
    assert (kept / "store.db").read_bytes() == before
    assert "Traceback" not in refused.stderr


def test_an_empty_file_is_no_backup(secmod: Any, kept: Path, tmp_path: Path) -> None:
    empty = tmp_path / "copy"
    empty.touch()
    for place in (kept, tmp_path / "another"):
        refused = secmod("store", "restore", "--from", str(empty), "--store", str(place))
        assert (refused.returncode, f"{empty} is empty: no backup" in refused.stderr) == (1, True)
    assert not (tmp_path / "another" / "store.db").exists()
    assert secmod("store", "check", "--store", str(kept)).returncode == 0


def test_snapshots(secmod: Any, kept: Path, tmp_path: Path) -> None:
    assert secmod("store", "snapshot", "before", "--store", str(kept)).stdout == "snapshot before: 3 modules\n"
    with Serving(secmod, tmp_path) as server:
        made = server.say(READ_PUBLIC)
        assert server.say(GENERATE) != made
    assert secmod("store", "restore", "before", "--store", str(kept)).returncode == 0
    with Serving(secmod, tmp_path) as server:
        assert server.say(READ_PUBLIC) == made
    mistyped = secmod("store", "restore", "befor", "--store", str(kept))
    assert (mistyped.returncode, "no snapshot 'befor'; there are: before" in mistyped.stderr) == (1, True)
    assert secmod("store", "snapshot", "before", "--delete", "--store", str(kept)).returncode == 0
    for words in (("restore", "before"), ("snapshot", "before", "--delete")):
        missing = secmod("store", *words, "--store", str(kept))
        assert (missing.returncode, "there is no snapshot 'before'; none has been taken" in missing.stderr) == (1, True)
    both = secmod("store", "restore", "--store", str(kept))
    assert both.returncode == 2


def test_passphrases(secmod: Any, kept: Path, tmp_path: Path) -> None:
    phrase = tmp_path / "phrase"
    phrase.write_text("correct horse\n")
    done = secmod("store", "change-passphrase", "--new-passphrase-file", str(phrase), "--store", str(kept))
    assert done.returncode == 0, done.stderr
    assert not (kept / "key").exists()
    without = secmod("store", "info", "--store", str(kept))
    assert (without.returncode, "takes a passphrase" in without.stderr) == (1, True)
    wrong = secmod("store", "info", "--store", str(kept), "--passphrase-env", "PHRASE", env={"PHRASE": "battery"})
    assert (wrong.returncode, "passphrase is wrong" in wrong.stderr) == (1, True)
    too_long = tmp_path / "too long"
    too_long.write_text("x" * 1025)
    cut = secmod(
        "store",
        "change-passphrase",
        "--new-passphrase-file",
        str(too_long),
        "--passphrase-file",
        str(phrase),
        "--store",
        str(kept),
    )
    assert (cut.returncode, "1 to 1024 bytes" in cut.stderr) == (1, True)
    right = secmod("store", "check", "--store", str(kept), "--passphrase-env", "PHRASE", env={"PHRASE": "correct horse"})
    assert right.returncode == 0, right.stderr
    with Serving(secmod, tmp_path, "--passphrase-file", str(phrase)) as server:
        assert server.say(READ_PUBLIC).endswith("9000")
    words = ("--passphrase-fd", "0", "--new-key-file")
    back = secmod("store", "change-passphrase", *words, "--store", str(kept), stdin="correct horse\n")
    assert back.returncode == 0, back.stderr
    assert secmod("store", "check", "--store", str(kept)).returncode == 0


def test_damage_is_named(secmod: Any, kept: Path) -> None:
    octets = bytearray((kept / "store.db").read_bytes())
    octets[octets.rindex(b"deactivated")] ^= 1
    (kept / "store.db").write_bytes(octets)
    checked = secmod("store", "check", "--store", str(kept))
    assert checked.returncode == 1
    assert "module 0: private_key/PrK.WAN.TLS.A is damaged: its bits have changed" in checked.stdout
    assert "secmod store restore --from FILE" in checked.stderr


def test_the_owner_is_named(secmod: Any, kept: Path, tmp_path: Path) -> None:
    with Serving(secmod, tmp_path) as server:
        refused = secmod("store", "info", "--store", str(kept))
        assert refused.returncode == 1
        assert f"process {server.process.pid} has this store open" in refused.stderr


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("serve", "--modules", "3"), 2, "--store only"),
        (("serve", "--key-file", "k"), 2, "--store only"),
        (("serve", "--store", "s", "--deterministic", "x"), 2, "foretold"),
        (("store", "info"), 2, "Missing option '--store'"),
        (("store", "info", "--store", "nowhere"), 1, "there is no store"),
        (("store", "backup", "b", "--store", "nowhere"), 1, "there is no store"),
        (("serve", "--store", "s", "--passphrase-env", "NONE"), 2, "no passphrase in environment variable NONE"),
    ],
)
def test_what_can_not_be(secmod: Any, words: tuple[str, ...], code: int, reason: str) -> None:
    done = secmod(*words)
    assert done.returncode == code
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_another_profile_is_refused(secmod: Any, kept: Path) -> None:
    refused = secmod("serve", "--store", str(kept), "--profile", "tr03109_2")
    assert refused.returncode == 1
    assert "was made from profile open" in refused.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="gives a file to somebody else")
def test_a_place_of_others_is_refused(secmod: Any, kept: Path) -> None:
    os.chown(kept, 12345, -1)
    refused = secmod("store", "info", "--store", str(kept))
    os.chown(kept, 0, -1)
    assert (refused.returncode, "chmod 700" in refused.stderr) == (1, True)
