# SPDX-License-Identifier: Apache-2.0
"""Part of `make crash`: kill -9 for `secmod serve` itself, and a look at its module from outside, by commands alone."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from secmod.card.lifecycle import KeyState
from secmod.errors import BlockedError, NotSupportedError, RetriesLeftError, SecurityStatusError
from secmod.host import KeyEntry, SecurityModule
from secmod.profile import load_profile
from tests.campaigns.card_process import KilledError
from tests.campaigns.crash import ALIVE, EARLY, Client, fresh_facts
from tests.campaigns.emulator import Emulator
from tests.campaigns.facts import ANY, Facts
from tests.campaigns.load import FILES, PIN, PROFILE, PUK, restored
from tests.campaigns.report import Report
from tests.card.authority import Chain
from tests.card.sessions import fingerprint


@dataclass
class Outside:
    """What a module shows to whoever has its PIN: phase, tries, the PIN's value, keys as the inventory has them, some files."""

    phase: str
    tries: int | None
    pin: str | None = None
    inventory: tuple[KeyEntry, ...] = ()
    files: dict[str, bytes] | None = None

    def shows(self, facts: Facts) -> bool:
        """Whether a module that is this looks like that."""
        if facts.phase != self.phase or self.phase == "X":
            return facts.phase == self.phase
        if facts.passwords[PIN].tries != self.tries or (self.pin is not None and facts.passwords[PIN].value != self.pin):
            return False
        if self.files is not None and any(facts.files[name] != content for name, content in self.files.items()):
            return False
        return all(_shows(facts, entry) for entry in self.inventory)


def _shows(facts: Facts, entry: KeyEntry) -> bool:
    key = facts.keys.get(entry.reference)
    if key is not None:
        return entry.state == KeyState(key.state).name.lower() and (
            key.point in (None, ANY) or fingerprint(key.point) == entry.fingerprint
        )
    if entry.reference in facts.points:
        point = facts.points[entry.reference]
        return bool(entry.fingerprint) == bool(point) and (point is None or fingerprint(point) == entry.fingerprint)
    return True  # what lives in RAM


def look(module: SecurityModule, possible: Sequence[Facts], choice: random.Random) -> Outside:
    """What the module shows; a session is open afterwards if its PIN is one of those it may have, and is not blocked."""
    try:
        phase = module.phase()
    except (NotSupportedError, SecurityStatusError):
        return Outside("X", None)
    seen = Outside(phase, module.tries_left(PIN))
    if not seen.tries:
        return seen
    for value in dict.fromkeys(facts.passwords[PIN].value for facts in possible):
        try:
            module.open_session(value or "")
        except (RetriesLeftError, BlockedError):
            continue
        seen.pin = value
        break
    if seen.pin is not None and phase != "I":
        seen.inventory = module.inventory()
        unsure = {name for name in FILES for facts in possible if facts.files[name] != possible[0].files[name]}
        seen.files = {name: module.read_file(name) for name in unsure.union(choice.sample(list(FILES), 3))}
    return seen


class ServeKills:
    """Lives of modules in `secmod serve --store`, which is killed at random moments, and while it starts."""

    def __init__(self, report: Report, directory: Path, kills: int, seed: int) -> None:
        self.report = report
        self.directory = directory
        self.kills = kills
        self.choice = random.Random(seed)
        self.chain = Chain()
        self.killed: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.acknowledged = 0
        self.starting = 0.5  # s, as it takes at present

    def run(self) -> None:
        """As many kills as were asked for."""
        lives = 0
        while self.killed.total() < self.kills:
            lives += 1
            place = self.directory / f"serve-{lives}"
            client = Client(self.choice, self.chain, fresh_facts(place))
            while self.killed.total() < self.kills and self._start_and_kill(place, client):
                self.report.progress(f"serve: {self.killed.total():,} of {self.kills:,} kills")
            self.acknowledged += client.acknowledged
            shutil.rmtree(place)

    def _start_and_kill(self, place: Path, client: Client) -> bool:
        """One process, from its start to its end; False if the module's life has ended, or is not what it must be."""
        early = self.choice.random() < EARLY
        emulator = Emulator(["--profile", PROFILE, "--store", str(place)], log=place.with_suffix(".log"))
        try:
            began = time.monotonic()
            emulator.work = self.choice.uniform(0, self.starting) if early else None
            emulator.start()
            emulator.work = None
            self.starting += (time.monotonic() - began - self.starting) / 5
            if not self._compare(emulator, client):
                return False
            if not client.work(emulator, int(self.choice.expovariate(1 / ALIVE))):
                return False
            self.killed[client.under_way or ""] += 1
        except KilledError as error:
            if not early:
                self.wrong.append(f"surprise: {error}: {place.with_suffix('.log').read_text()[-2000:]}")
                return False
            self.killed["starting"] += 1
        finally:
            if emulator.process.poll() is None:
                emulator.kill()
            emulator.close()
        log = place.with_suffix(".log").read_text()
        if "Traceback" in log or " ERROR " in log:
            self.wrong.append(f"surprise: {log[-2000:]}")
            return False
        return True

    def _compare(self, emulator: Emulator, client: Client) -> bool:
        """Whether the module is what it may be; the book goes on from there."""
        book = client.book
        module = SecurityModule(emulator, load_profile(PROFILE))
        possible = [book.facts, *book.allowed]
        seen = look(module, possible, self.choice)
        fitting = [facts for facts in possible if seen.shows(facts)]
        if not fitting:
            kind = "lost" if any(seen.shows(facts) for facts in book.history) else "half done"
            if (seen.tries or 0) > max(facts.passwords[PIN].tries or 0 for facts in possible):
                kind = "counter"
            self.wrong.append(f"{kind}: at {client.under_way}: {seen}")
            return False
        facts = with_puk(module, fitting) if seen.pin is not None else fitting[0]
        if seen.pin is not None:
            facts = with_points(module, restored(facts, PIN))
        book.facts, book.allowed = facts, []
        return True


def with_puk(module: SecurityModule, fitting: Sequence[Facts]) -> Facts:
    """The one of these whose PUK is right, where they differ in that."""
    values = dict.fromkeys(facts.passwords[PUK].value for facts in fitting)
    if len(values) < 2:
        return fitting[0]
    for facts in fitting:
        value = facts.passwords[PUK].value
        with suppress(RetriesLeftError):
            if value is not None:
                module.open_session(value, PUK)
                module.open_session(facts.passwords[PIN].value or "")
                return restored(facts, PUK)
    return fitting[0]


def with_points(module: SecurityModule, facts: Facts) -> Facts:
    """The same, with the public keys of pairs whose answer was never seen."""
    for reference, key in facts.keys.items():
        if key.point == ANY:
            facts = facts.with_key(reference, replace(key, point=module.public_key(reference).point))
    return facts
