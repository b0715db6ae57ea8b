# SPDX-License-Identifier: Apache-2.0
"""`make corrupt`: whatever happens to the files of a store, it is detected, or does no harm; no wrong key is ever used.

Two stores are damaged: one that was closed, and one whose process was killed, with a write-ahead log.  Each case changes a copy
in one way, opens it, and compares everything that can be seen with the intact one:

    harmless    the same records, of the same generation: the card can only be the same
    refused     opening or loading ends in a StoreError
    named       records are reported as damaged, all others are the same; a card over it answers 6F00 for a damaged key
    WRONG       anything else: another record, an older state, another exception, a crash, no end
"""

from __future__ import annotations

import mmap
import os
import random
import select
import shutil
import signal
import sqlite3
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from secmod.crypto import Password, PrivateKey, Vault, by_name, sha256, verify
from secmod.errors import SecmodError, StoreError
from secmod.store import KeyFile, Origin, Record, Store
from tests.campaigns.report import Report, main

PROCESSES = max(1, min(2, os.cpu_count() or 1))
LIMIT = 20  # s for one case: more is no end
PIN, OTHER_PIN = b"4711081500", b"9876543210123456"
DIGEST = sha256(b"which key is it?")
ORIGIN = Origin("corrupt", "1", "00" * 32)
FILES = ("store.db", "store.db-wal", "key", "generation")

Files: TypeAlias = dict[str, bytes]
Seen: TypeAlias = dict[str, tuple[object, ...]]


@dataclass(frozen=True)
class Case:
    """A way to damage a store: what it is called, and what the files are then (None: the file is missing)."""

    kind: str
    name: str
    files: Callable[[Files], dict[str, bytes | None]]


@dataclass(frozen=True)
class Intact:
    """A store as it should be: its files, and what is seen in it."""

    name: str
    files: Files
    seen: Seen
    generation: int


# ---- the stores -----------------------------------------------------------------------------------------------------------


def fill(store: Store, vault: Vault) -> None:
    """Two modules with a few records, some of them written more than once."""
    store.enrol((0, 1), ORIGIN)
    for number in (0, 1):
        module = store.module(number)
        module.load(vault)
        module.commit(
            {
                "phase": Record({"phase": "G"}),
                "pin": Record({"tries": 10, "state": "set"}, secret=vault.password(PIN)),
                "key A": Record({"state": 4, "made_in": "V"}, secret=vault.generate(by_name("brainpoolP256r1"))),
                "key B": Record({"state": 5, "made_in": "P"}, secret=vault.generate(by_name("secp256r1"))),
                "file": Record(data=b"a certificate or so " * 12),
            }
        )
    module = store.module(0)
    module.load(vault)
    module.commit({"pin": Record({"tries": 9, "state": "set"}, secret=vault.password(OTHER_PIN))})
    module.commit({"phase": Record({"phase": "V"})})


def later(store: Store, vault: Vault) -> None:
    """What is in the log alone: a password that has lost two tries, a phase, a key replaced."""
    module = store.module(0)
    contents = module.load(vault)
    module.commit({"pin": Record({"tries": 8, "state": "set"}, secret=contents.records["pin"].secret)})
    module.commit({"key A": Record({"state": 5, "made_in": "P"}, secret=vault.generate(by_name("brainpoolP256r1")))})
    module.commit({"phase": Record({"phase": "P"})})
    module.commit({"phase": Record({"phase": "O", "tries": 7})})


def make_stores(directory: Path) -> list[Intact]:
    """The closed one, and the one whose process was killed."""
    closed, killed = directory / "closed", directory / "killed"
    with Vault() as vault, Store.open(closed) as store:
        fill(store, vault)
    child = os.fork()
    if child == 0:
        with Vault() as vault:
            store = Store.open(killed)
            fill(store, vault)
            store.close()
            store = Store.open(killed)
            later(store, vault)
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    return [read_store("closed", closed), read_store("killed, with a log", killed)]


def read_store(name: str, directory: Path) -> Intact:
    """Its files as they lie there, and what is seen when it is opened."""
    files = {file: (directory / file).read_bytes() for file in FILES if (directory / file).exists()}
    with Store.open(directory, KeyFile()) as store, Vault() as vault:
        seen, damaged = look(store, vault)
        assert not damaged
        return Intact(name, files, seen, store.generation)


def look(store: Store, vault: Vault) -> tuple[Seen, list[str]]:
    """All records of all modules, by module and name, and the names of those that are damaged.

    A private key is told by its public point, if it makes signatures that fit to it; a password by what it is equal to.
    """
    seen: Seen = {}
    damaged = []
    for number in store.numbers:
        module = store.module(number)
        contents = module.load(vault)
        for name, record in contents.records.items():
            seen[f"{number}/{name}"] = (sorted(record.facts.items()), record.data, tell(record.secret))
            if record.secret is not None:
                record.secret.release()
        damaged += [f"{number}/{name}" for name in contents.damaged]
        module.unload()
    return seen, damaged


def tell(secret: PrivateKey | Password | None) -> object:
    """What is known of a secret without having it."""
    if isinstance(secret, PrivateKey):
        verify(secret.curve, secret.public_point, DIGEST, secret.sign(DIGEST))
        return secret.public_point
    return None if secret is None else [value for value in (PIN, OTHER_PIN) if secret.matches(value)]


# ---- the damages -----------------------------------------------------------------------------------------------------------


def bits(intact: Intact) -> Iterator[Case]:
    """Every bit of every file, flipped."""
    for file, content in intact.files.items():
        for bit in range(8 * len(content)):
            yield Case(
                f"bit of {file}", f"{bit >> 3}.{bit & 7}", lambda files, file=file, bit=bit: {file: flipped(files[file], bit)}
            )


def flipped(content: bytes, bit: int) -> bytes:
    """The same bytes but for one bit."""
    changed = bytearray(content)
    changed[bit >> 3] ^= 1 << (bit & 7)
    return bytes(changed)


def truncations(intact: Intact) -> Iterator[Case]:
    """Every file cut to every length, and missing."""
    for file, content in intact.files.items():
        for length in range(len(content)):
            yield Case(f"{file} cut", str(length), lambda files, file=file, length=length: {file: files[file][:length]})
        yield Case(f"{file} missing", file, lambda _, file=file: {file: None})


def pieces(intact: Intact) -> Iterator[Case]:
    """Pages of the database and frames of the log: zeroed, filled with FF, put in the place of every other."""
    for file, start, size in (("store.db", 0, 4096), ("store.db-wal", 32, 4096 + 24)):
        content = intact.files.get(file, b"")
        places = range(start, len(content) - size + 1, size)
        for place in places:
            for filler in (0x00, 0xFF):
                yield Case(
                    f"pieces of {file} overwritten",
                    f"{place} with {filler:02X}",
                    lambda files, file=file, place=place, size=size, filler=filler: {
                        file: files[file][:place] + bytes([filler]) * size + files[file][place + size :]
                    },
                )
            for other in places:
                if other != place:
                    yield Case(
                        f"pieces of {file} copied over others",
                        f"{other} over {place}",
                        lambda files, file=file, place=place, other=other, size=size: {
                            file: files[file][:place] + files[file][other : other + size] + files[file][place + size :]
                        },
                    )


def rows(intact: Intact) -> Iterator[Case]:
    """What SQL can do: every pair of records, indices and other rows swapped or copied, every row deleted or emptied."""
    if "store.db-wal" in intact.files:
        return
    with tempfile.TemporaryDirectory(prefix="secmod-corrupt-") as directory:
        path = Path(directory, "store.db")
        path.write_bytes(intact.files["store.db"])
        database = sqlite3.connect(path)
        found = {"header": [1], "root": [1], "modules": [row[0] for row in database.execute("SELECT number FROM modules")]}
        names = database.execute("SELECT module, name FROM records").fetchall()
        database.close()
    for one in names:
        for other in names:
            if one != other:
                yield _sql("records copied over others", f"{other} over {one}", _COPY, (*other, *one))
            if one < other:
                yield _sql("records swapped", f"{one} and {other}", _SWAP, (*one, *other))
        yield _sql("records deleted", str(one), "DELETE FROM records WHERE module = ? AND name = ?", one)
        yield _sql("records emptied", str(one), "UPDATE records SET content = x'' WHERE module = ? AND name = ?", one)
        yield _sql("records of another kind", str(one), "UPDATE records SET content = 'text' WHERE module = ? AND name = ?", one)
        yield _sql("records renamed", str(one), "UPDATE records SET name = name || 'x' WHERE module = ? AND name = ?", one)
        yield _sql("records moved", str(one), "UPDATE records SET module = 7 WHERE module = ? AND name = ?", one)
    for table, identifiers in found.items():
        for row in identifiers:
            yield _sql(f"{table}: rows deleted", str(row), f"DELETE FROM {table} WHERE rowid = ?", (row,))  # noqa: S608
            yield _sql(f"{table}: rows emptied", str(row), f"UPDATE {table} SET content = x'' WHERE rowid = ?", (row,))  # noqa: S608
            yield _sql(f"{table}: rows numbered otherwise", str(row), f"UPDATE {table} SET rowid = 9 WHERE rowid = ?", (row,))  # noqa: S608
    yield _sql(
        "indices swapped",
        "0 and 1",
        "UPDATE modules SET content = (SELECT content FROM modules m WHERE m.number = 1 - modules.number)",
        (),
    )
    for table in ("records", *found):
        yield _sql("tables dropped", table, f"DROP TABLE {table}", ())
    for version in (0, 2, 99, 1 << 30):
        yield _sql("format of another number", str(version), f"PRAGMA user_version = {version}", ())


_COPY = "UPDATE records SET content = (SELECT content FROM records WHERE module = ? AND name = ?) WHERE module = ? AND name = ?"
_SWAP = (
    "WITH a(m, n, x, y) AS (SELECT ?1, ?2, ?3, ?4) UPDATE records SET content = CASE WHEN module = ?1 AND name = ?2 "
    "THEN (SELECT content FROM records WHERE module = ?3 AND name = ?4) "
    "ELSE (SELECT content FROM records WHERE module = ?1 AND name = ?2) "
    "END WHERE (module = ?1 AND name = ?2) OR (module = ?3 AND name = ?4)"
)


def _sql(kind: str, name: str, statement: str, values: tuple[object, ...]) -> Case:
    """The database changed by whoever has the file and SQLite, but not the key."""

    def change(files: Files) -> dict[str, bytes | None]:
        with tempfile.TemporaryDirectory(prefix="secmod-corrupt-") as directory:
            path = Path(directory, "store.db")
            path.write_bytes(files["store.db"])
            database = sqlite3.connect(path, isolation_level=None)
            database.execute("PRAGMA journal_mode = DELETE")
            database.execute(statement, values)
            database.execute("PRAGMA journal_mode = WAL")
            database.close()
            return {"store.db": path.read_bytes()}

    return Case(kind, name, change)


def exchanges(intact: Intact, other: Intact) -> Iterator[Case]:
    """Files of another store, or of an earlier time, in the place of its own; whole rollbacks."""
    for file in FILES:
        if file in other.files and file != "generation":
            yield Case("files of another store", file, lambda _, file=file: {file: other.files[file]})
    yield Case(
        "everything of another store but the key", "", lambda _: {file: other.files.get(file) for file in FILES if file != "key"}
    )
    if "store.db-wal" in intact.files:
        yield Case("back to before the log", "", lambda _: {"store.db-wal": None})


# ---- one case ----------------------------------------------------------------------------------------------------------------


def outcome(intact: Intact, directory: Path, changed: dict[str, bytes | None], vault: Vault) -> str:
    """What opening the store with these files shows."""
    for file in directory.iterdir():
        file.unlink()
    for name, content in {**intact.files, **changed}.items():
        if content is not None:
            (directory / name).write_bytes(content)
            (directory / name).chmod(0o600)
    try:
        with Store.open(directory) as store:
            if store.generation != intact.generation:
                return f"WRONG: generation {store.generation}, not {intact.generation}"
            seen, damaged = look(store, vault)
    except StoreError:
        return "refused"
    except SecmodError as error:
        return f"WRONG: {error!r}"
    except Exception:  # noqa: BLE001  (whatever it is, it is a finding)
        return f"WRONG: {traceback.format_exc(limit=-3)}"
    if seen == intact.seen and not damaged:
        return "harmless"
    others = {name: facts for name, facts in intact.seen.items() if name not in damaged}
    return "named" if seen == others and damaged else f"WRONG: {set(map(str, seen.items())) ^ set(map(str, others.items()))}"


class Work:
    """Cases divided among processes; one that dies or does not end is a finding, and the others go on."""

    def __init__(self, intact: Intact, cases: list[Case], report: Report) -> None:
        self.intact = intact
        self.cases = cases
        self.report = report
        self.counts: Counter[tuple[str, str]] = Counter()
        self.wrong: list[str] = []

    def run(self) -> None:
        """Every case has been tried."""
        notes = mmap.mmap(-1, 8 * PROCESSES)
        workers = {number: self._start(number, number, notes) for number in range(PROCESSES)}
        texts = dict.fromkeys(workers, b"")
        done = 0
        while workers:
            ready, _, _ = select.select([pipe for _, pipe in workers.values()], [], [])
            for number, (pid, pipe) in list(workers.items()):
                if pipe not in ready:
                    continue
                text = os.read(pipe, 1 << 16)
                *lines, texts[number] = (texts[number] + text).split(b"\n")
                done += sum(self._take(line.decode()) for line in lines)
                if not text:
                    os.close(pipe)
                    del workers[number]
                    if (following := self._ended(pid, number, notes)) is not None:
                        workers[number] = self._start(number, following, notes)
            self.report.progress(f"{self.intact.name}: {done:,} of {len(self.cases):,} cases")

    def _ended(self, pid: int, number: int, notes: mmap.mmap) -> int | None:
        """Where to go on if the process has died at a case, which is a finding."""
        _, status = os.waitpid(pid, 0)
        if status == 0:
            return None
        at = int.from_bytes(notes[8 * number : 8 * number + 8], "little")
        case = self.cases[at]
        self.wrong.append(f"{case.kind} {case.name}: the process ended with status {status}")
        self.counts[case.kind, "WRONG"] += 1
        return at + PROCESSES

    def _take(self, line: str) -> int:
        kind, what, count, text = line.split("\t", 3)
        self.counts[kind, what] += int(count)
        if what == "WRONG":
            self.wrong.append(text)
        return int(count)

    def _start(self, number: int, first: int, notes: mmap.mmap) -> tuple[int, int]:
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writing)
            return pid, reading
        status = 1
        try:
            os.close(reading)
            self._try(number, first, notes, writing)
            status = 0
        finally:
            os._exit(status)

    def _try(self, number: int, first: int, notes: mmap.mmap, writing: int) -> None:
        root = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108, PTH112  (many small files, kept nowhere)
        directory = Path(tempfile.mkdtemp(prefix="secmod-corrupt-", dir=root))
        told: Counter[tuple[str, str]] = Counter()
        try:
            with Vault() as vault:
                for at in range(first, len(self.cases), PROCESSES):
                    notes[8 * number : 8 * number + 8] = at.to_bytes(8, "little")
                    case = self.cases[at]
                    signal.alarm(LIMIT)
                    found = outcome(self.intact, directory, case.files(self.intact.files), vault)
                    if found.startswith("WRONG"):
                        _tell(writing, case.kind, "WRONG", 1, f"{case.kind} {case.name}: {found}")
                    else:
                        told[case.kind, found] += 1
                    if told.total() >= 200:
                        _flush(writing, told)
            _flush(writing, told)
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _flush(writing: int, told: Counter[tuple[str, str]]) -> None:
    for (kind, what), count in told.items():
        _tell(writing, kind, what, count, "")
    told.clear()


def _tell(writing: int, kind: str, what: str, count: int, text: str) -> None:
    os.write(writing, f"{kind}\t{what}\t{count}\t{' '.join(text.split())[:1500]}\n".encode())


# ---- the whole ---------------------------------------------------------------------------------------------------------------


def cases_of(intact: Intact, other: Intact, choice: random.Random, *, long: bool) -> list[Case]:
    """All of them, or in the short form some of each kind."""
    groups = [
        list(group) for group in (bits(intact), truncations(intact), pieces(intact), rows(intact), exchanges(intact, other))
    ]
    if not long:
        groups = [choice.sample(group, min(size, len(group))) for group, size in zip(groups, (240, 60, 40, 60, 10), strict=True)]
    return [case for group in groups for case in group]


def campaign(report: Report, *, long: bool) -> None:
    """Both stores, damaged in every way."""
    choice = random.Random(os.environ.get("SECMOD_SEED"))
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="secmod-corrupt-") as directory:
        stores = make_stores(Path(directory))
    for intact, other in (stores, stores[::-1]):
        work = Work(intact, cases_of(intact, other, choice, long=long), report)
        work.run()
        size = ", ".join(f"{file} {len(content):,}" for file, content in intact.files.items())
        report.row(f"store: {intact.name}", len(work.cases), f"cases ({size} bytes)")
        for kind in dict.fromkeys(kind for kind, _ in work.counts):
            found = {what: count for (its, what), count in work.counts.items() if its == kind}
            told = ", ".join(f"{count:,} {what}" for what, count in sorted(found.items()))
            report.row(f"    {kind}", told, ok="WRONG" not in found)
        wrong += work.wrong
    report.row("neither detected nor harmless", len(wrong), ok=not wrong)
    for case in wrong[:10]:
        sys.stderr.write(f"{case}\n")


if __name__ == "__main__":
    main("Damaged stores: detected, or no harm", campaign)
