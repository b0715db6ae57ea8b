# SPDX-License-Identifier: Apache-2.0
"""Part of `make crash`: the power goes, and of what was written since the last sync only some has reached the disk.

A module lives with every call that changes its store's files in a log (storage_faults.c).  Afterwards disks are made as they
might be found after a power cut at any place in the log: what a sync has confirmed is there; of the writes after it each sector
is there or not, as chance will have it, and of new, renamed and removed names a beginning.  On every such disk the store must
open, and be as the answers that had left by then have promised.
"""

from __future__ import annotations

import os
import random
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Any

from secmod.host import SecurityModule
from secmod.profile import load_profile
from secmod.store import Durability
from tests.campaigns.card_process import BrokenError, CardProcess, Faults, KilledError, RefusedError
from tests.campaigns.crash_calls import CHAIN, guesses
from tests.campaigns.crash_child import answer, listen, tell_wrong
from tests.campaigns.facts import Facts
from tests.campaigns.load import PIN, PROFILE, TRANSPORT, Load
from tests.campaigns.report import Report

SECTOR = 512  # bytes that are written whole or not at all
LONG, SHORT = (6, 150, 4), (1, 12, 1)  # lives, operations in each, disks for each place in the log

_ENTRY = struct.Struct("<IIIIQQ")


class Call(IntEnum):
    """As in storage_faults.c."""

    CREATE = 0
    WRITE = 1
    TRUNCATE = 2
    SYNC = 3
    SYNC_FOLDER = 4
    REMOVE = 5
    RENAME = 6
    FOLDER = 7
    MODE = 8
    MARK = 9


@dataclass(frozen=True, slots=True)
class Entry:
    """A call: the file by path and inode; `offset` is also the length of a file that was cut, or grew."""

    call: Call
    path: str
    other: str
    inode: int
    offset: int
    data: bytes


def entries(raw: bytes) -> Iterator[Entry]:
    """What the log says."""
    at = 0
    while at < len(raw):
        call, path, other, data, inode, offset = _ENTRY.unpack_from(raw, at)
        at += _ENTRY.size
        yield Entry(
            Call(call), raw[at : at + path].decode(), raw[at + path : at + path + other].decode(), inode, offset,
            raw[at + path + other : at + path + other + data],
        )  # fmt: skip
        at += path + other + data


@dataclass
class Disk:
    """What is safe on the disk, and what may get there: writes by inode, changes of names in their order."""

    safe: dict[int, bytes] = field(default_factory=dict)
    waiting: dict[int, list[Entry]] = field(default_factory=dict)
    names: dict[str, int] = field(default_factory=dict)
    renamed: list[Entry] = field(default_factory=list)

    def take(self, entry: Entry) -> None:
        """A call has returned."""
        if entry.call in (Call.WRITE, Call.TRUNCATE):
            self.waiting.setdefault(entry.inode, []).append(entry)
        elif entry.call is Call.SYNC:
            content = self.safe.get(entry.inode, b"")
            for write in self.waiting.pop(entry.inode, []):
                content = written(content, write)
            self.safe[entry.inode] = content
        elif entry.call in (Call.CREATE, Call.RENAME, Call.REMOVE):
            if entry.call is Call.CREATE and entry.path not in self._names_now():
                self.safe[entry.inode] = b""  # an inode may be a removed file's
                self.waiting.pop(entry.inode, None)
            self.renamed.append(entry)
        elif entry.call is Call.SYNC_FOLDER:
            for change in self.renamed:
                rename(self.names, change)
            self.renamed.clear()

    def _names_now(self) -> dict[str, int]:
        names = dict(self.names)
        for change in self.renamed:
            rename(names, change)
        return names

    def found(self, choice: random.Random) -> dict[str, bytes]:
        """The files after a power cut now, by path, as chance will have it."""
        names = dict(self.names)
        for change in self.renamed[: choice.randint(0, len(self.renamed))]:
            rename(names, change)
        keep = choice.choice((0.0, 0.3, 0.7, 1.0))
        return {path: self._content(inode, choice, keep) for path, inode in names.items()}

    def _content(self, inode: int, choice: random.Random, keep: float) -> bytes:
        content = self.safe.get(inode, b"")
        for write in self.waiting.get(inode, []):
            if write.call is Call.TRUNCATE:
                content = written(content, write) if choice.random() < keep else content
                continue
            start = write.offset
            while start < write.offset + len(write.data):
                end = min(start - start % SECTOR + SECTOR, write.offset + len(write.data))
                if choice.random() < keep:
                    part = write.data[start - write.offset : end - write.offset]
                    content = content[:start].ljust(start, b"\0") + part + content[end:]
                start = end
        return content


def written(content: bytes, write: Entry) -> bytes:
    """A file after a write or a cut."""
    if write.call is Call.TRUNCATE:
        return content[: write.offset].ljust(write.offset, b"\0")
    return content[: write.offset].ljust(write.offset, b"\0") + write.data + content[write.offset + len(write.data) :]


def rename(names: dict[str, int], change: Entry) -> None:
    """Names after one of them has changed."""
    if change.call is Call.CREATE:
        names[change.path] = change.inode
    elif change.call is Call.RENAME:
        names.pop(change.path, None)
        names[change.other] = change.inode
    else:
        names.pop(change.path, None)


# ---- a life, with its log ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Promise:
    """From answer number `answers` on the module is `facts`; until the next promise it may also be one of `stages`."""

    answers: int
    facts: Facts
    stages: tuple[Facts, ...]
    name: str


class Life:
    """A module at work, with what its client was promised and when."""

    def __init__(self, directory: Path, seed: int, operations: int, durability: Durability = "full") -> None:
        self.place = directory / "store"
        self.log = directory / "log"
        self.answers = 0
        self.promises: list[Promise] = []
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.process = CardProcess(self.place, {PIN: (TRANSPORT,)}, before=partial(self._watch, log), durability=durability)
        os.close(log)
        self._live(random.Random(seed), operations)
        self.process.close()

    def _watch(self, log: int) -> None:
        faults = Faults()
        faults.beneath(self.place)
        faults.log_to(log)

    def transmit(self, command: bytes) -> bytes:
        """Passed on, and counted."""
        response = self.process.transmit(command)
        self.answers += 1
        return response

    def reset(self) -> None:
        self.process.reset()

    def close(self) -> None:
        self.process.close()

    atr, protocol, name = b"", "T1", "a life"

    def _live(self, choice: random.Random, operations: int) -> None:
        load = Load(choice, CHAIN, operations)
        module = SecurityModule(self, load_profile(PROFILE))
        facts = self.process.facts
        while (operation := load.next(facts)) is not None:
            self.promises.append(Promise(self.answers, facts, tuple(operation.stages(facts)), operation.name))
            result = operation.run(module)
            facts = operation.done(facts, result)
            load.did(operation)
        self.promises.append(Promise(self.answers, facts, (), "the end"))

    def guesses(self) -> dict[int, tuple[str, ...]]:
        """All values that passwords have ever had, or nearly."""
        return guesses(*(facts for promise in self.promises for facts in (promise.facts, *promise.stages)))

    def promised(self, answers: int) -> Promise:
        """What holds when so many answers have left."""
        return next(promise for promise in reversed(self.promises) if promise.answers <= answers)


def check(life: Life, answers: int, place: Path, files: dict[str, bytes]) -> str | None:
    """What is wrong with the store on this disk, if anything, when so many answers have left."""
    promise = life.promised(answers)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(mode=0o700)
    for path, content in files.items():
        file = place / Path(path).name
        file.write_bytes(content)
        file.chmod(0o600)
    possible = [promise.facts, *promise.stages]
    try:
        process = CardProcess(place, life.guesses())
    except RefusedError as error:
        return f"surprise: refused: {error}"
    except (BrokenError, KilledError) as error:
        return f"surprise: {error}"
    process.kill()
    if any(one.fits(process.facts) for one in possible):
        return None
    older = any(one.fits(process.facts) for earlier in life.promises for one in (earlier.facts, *earlier.stages))
    return f"{'lost' if older else 'half done'}: {'; '.join(promise.facts.differences(process.facts))}"


def run(directory: Path, seed: int, *, long: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """All lives; a dictionary for JSON."""
    lives, operations, disks = LONG if long else SHORT
    full = try_lives(directory / "full", seed, lives, operations, disks, 1.0 if long else 0.15, "full", progress)
    fast = try_lives(directory / "fast", seed, lives, operations, disks, 0.3, "fast", progress)
    lost = [case for case in fast["wrong"] if case.startswith("lost")]
    full["wrong"] += [f"fast: {case}" for case in fast["wrong"] if case not in lost]
    return {**full, "fast": fast["tried"], "control": len(lost)}


def try_lives(
    directory: Path,
    seed: int,
    lives: int,
    operations: int,
    disks: int,
    share: float,
    durability: Durability,
    progress: Callable[[str], None],
) -> dict[str, Any]:
    """Lives, and disks after a power cut at this share of the places in their logs."""
    choice = random.Random(seed)
    tried = places = 0
    wrong: list[str] = []
    called = "wrong" if durability == "full" else "lost, as fast durability allows, or wrong"
    for number in range(lives):
        home = directory / f"life-{number}"
        home.mkdir(parents=True)
        life = Life(home, choice.getrandbits(32), operations, durability)
        disk, answers = Disk(), 0
        log = list(entries(life.log.read_bytes()))
        for at, entry in enumerate(log):
            disk.take(entry)
            answers += entry.call is Call.MARK
            if choice.random() > share:
                continue
            places += 1
            for _ in range(disks):
                tried += 1
                found = check(life, answers, home / "disk", disk.found(choice))
                if found is not None:
                    wrong.append(
                        f"{found} (life {number}, answer {answers}, call {at}: {entry.call.name} {Path(entry.path).name})"
                    )
            progress(f"power: life {number + 1} of {lives}, place {at + 1:,} of {len(log):,}, {len(wrong)} {called}")
    return {"tried": tried, "places": places, "wrong": wrong}


def report_power(report: Report, seed: int, *, long: bool) -> None:
    """Runs this module with the calls logged, and fills the report."""
    found = listen(report, "tests.campaigns.crash_power", seed, long=long)
    report.row("power: disks after a power cut", found["tried"], f"at {found['places']:,} calls")
    tell_wrong(report, "power", found["wrong"])
    wrong = [case for case in found["wrong"] if case.startswith("fast")]
    report.row("power, --durability fast: disks after a power cut", found["fast"])
    report.row("power, --durability fast: the last changes lost, as it is named for", found["control"], ok=found["control"] > 0)
    report.row("power, --durability fast: anything worse", len(wrong), ok=not wrong)


if __name__ == "__main__":
    answer(run)
