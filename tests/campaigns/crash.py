# SPDX-License-Identifier: Apache-2.0
"""`make crash`: nothing that was acknowledged is lost, and nothing half done is seen, however the card process ends.

random kills     kill -9 at random moments of work under load, at the opening of the store too; some of `secmod serve` itself
every call       killed before and after each call that changes a file, and in the middle of each write (crash_calls.py)
full and broken  ENOSPC, EIO and short writes at each of these calls (crash_calls.py)
power            what was not yet synced is lost in part (crash_power.py)
comparisons      killed when a password is compared: the try was counted before (crash_compare.py)
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from secmod.errors import SecmodError
from secmod.host import SecurityModule
from secmod.profile import load_profile
from secmod.transport.base import Transport
from tests.campaigns.card_process import BrokenError, CardProcess, Guesses, KilledError, RefusedError
from tests.campaigns.facts import Facts
from tests.campaigns.load import PROFILE, Load, Operation
from tests.campaigns.report import Report, main
from tests.card.authority import Chain

LONG, SHORT = 10_000, 60  # kills
SERVE_LONG, SERVE_SHORT = 300, 4  # of `secmod serve`
ALIVE = 8  # operations on average before a process is killed
EARLY = 0.15  # of the kills come while the store is opened
STEPS = 300  # operations in a module's life


class Running(Transport, Protocol):
    """A card in a process, over a store: CardProcess, or `secmod serve` (Emulator).

    `worked` is how long it has worked, in seconds; after `work` more it is killed, None: never.
    """

    work: float | None
    worked: float


@dataclass
class Book:
    """What the client knows: what the module is, or may be if a command was under way when the process ended."""

    facts: Facts
    allowed: list[Facts] = field(default_factory=list)
    history: list[Facts] = field(default_factory=list)

    @property
    def guesses(self) -> Guesses:
        """Values that its passwords may have."""
        found: dict[int, dict[str, None]] = {}
        for facts in (self.facts, *self.allowed):
            for reference, password in facts.passwords.items():
                if password.value is not None:
                    found.setdefault(reference, {})[password.value] = None
        return {reference: tuple(values) for reference, values in found.items()}

    def began(self, operation: Operation) -> None:
        """A command is under way."""
        self.allowed = operation.stages(self.facts)

    def done(self, operation: Operation, result: object) -> None:
        """It was acknowledged."""
        self.history = [*self.history[-200:], self.facts]
        self.facts, self.allowed = operation.done(self.facts, result), []

    def found(self, facts: Facts) -> str | None:
        """After a restart: what is wrong with what was found, if anything; the book goes on from what is there."""
        before, possible = self.facts, [self.facts, *self.allowed]
        self.facts, self.allowed = facts, []
        if any(one.fits(facts) for one in possible):
            return None
        for reference, password in facts.passwords.items():
            if (password.tries or 0) > max(one.passwords[reference].tries or 0 for one in possible):
                return f"counter: password {reference:02X} has {password.tries} tries"
        if any(one.fits(facts) for one in self.history):
            return f"lost: {'; '.join(before.differences(facts))}"
        return f"half done: {'; '.join(before.differences(facts))}"


class Client:
    """The load client, with its book; it outlives the card's process."""

    def __init__(self, choice: random.Random, chain: Chain, fresh: Facts) -> None:
        self.load = Load(choice, chain, STEPS)
        self.book = Book(fresh)
        self.done: Counter[str] = Counter()
        self.acknowledged = 0
        self.under_way: str | None = None
        self.choice = choice
        self.took: dict[str, float] = {}  # s of the card's work, by operation, as it is at present

    def work(self, running: Running, survives: int) -> bool:
        """Works, and has the process killed at a random moment after so many operations; False if the module's life has ended."""
        self.load.forget()
        module = SecurityModule(running, load_profile(PROFILE))
        while (operation := self.load.next(self.book.facts)) is not None:
            name = self.under_way = operation.name
            self.book.began(operation)
            before = running.worked
            survives -= 1
            if survives < 0:
                running.work = self.choice.uniform(0, 1.3 * self.took.get(name, 0.005))
            try:
                result = operation.run(module)
            except KilledError:
                return True
            self.book.done(operation, result)
            self.load.did(operation)
            self.done[name] += 1
            self.took[name] = (running.worked - before) * 0.2 + self.took.get(name, 0.005) * 0.8
            self.acknowledged += 1
        self.under_way = None
        return False


def fresh_facts(directory: Path) -> Facts:
    """A module as it is delivered; its store is made."""
    process = CardProcess(directory, {3: ("0000000000",)})
    process.close()
    return process.facts


class RandomKills:
    """Lives of modules, each with a store of its own, and kills at random moments of them."""

    def __init__(self, report: Report, directories: Sequence[Path], kills: int, seed: int) -> None:
        self.report = report
        self.directories = directories
        self.kills = kills
        self.choice = random.Random(seed)
        self.chain = Chain()
        self.killed: Counter[str] = Counter()
        self.wrong: list[str] = []
        self.lives = self.acknowledged = 0
        self.opening = 0.01  # s, as it takes at present
        self.done: Counter[str] = Counter()

    def run(self) -> None:
        """As many kills as were asked for."""
        while self.killed.total() < self.kills:
            self.lives += 1
            place = self.directories[self.lives % len(self.directories)] / f"life-{self.lives}"
            client = Client(self.choice, self.chain, fresh_facts(place))
            while self.killed.total() < self.kills and self._start_and_kill(place, client):
                self.report.progress(
                    f"{self.killed.total():,} of {self.kills:,} kills, {self.acknowledged:,} changes acknowledged"
                )
            self.acknowledged += client.acknowledged
            self.done += client.done
            shutil.rmtree(place)

    def _start_and_kill(self, place: Path, client: Client) -> bool:
        """One process, from its start to its end; False if the module's life has ended."""
        early = self.choice.random() < EARLY
        began = time.monotonic()
        try:
            process = CardProcess(place, client.book.guesses, work=self.choice.uniform(0, self.opening) if early else None)
        except KilledError:
            self.killed["opening the store"] += 1
            return True
        except (BrokenError, RefusedError) as error:
            self.wrong.append(f"surprise: the store does not open: {error} (killed at {client.under_way})")
            return False
        self.opening += (time.monotonic() - began - self.opening) / 10
        process.work = None
        survives = int(self.choice.expovariate(1 / ALIVE))
        try:
            wrong = client.book.found(process.facts)
            if wrong is not None:
                self.wrong.append(f"{wrong} (killed at {client.under_way})")
            if not client.work(process, survives):
                process.close()
                return False
            self.killed[client.under_way or ""] += 1
        except (BrokenError, SecmodError) as error:
            self.wrong.append(f"surprise: at {client.under_way}: {error}")
            return False
        finally:
            process.kill()
        return True


class Killing(Protocol):
    """A part of the campaign that kills at random."""

    killed: Counter[str]
    wrong: list[str]


def tell_kills(report: Report, what: str, work: Killing) -> None:
    """Where the kills have hit, and how often each of the things that must never be was seen."""
    for name, count in work.killed.most_common():
        report.row(f"    during: {name}", count)
    for kind, sentence in (
        ("lost", "acknowledged changes lost"),
        ("half done", "half-done changes seen"),
        ("counter", "counters too high"),
    ):
        cases = [case for case in work.wrong if case.startswith(kind)]
        report.row(f"{what}: {sentence}", len(cases), ok=not cases)
    others = [case for case in work.wrong if not case.startswith(("lost", "half done", "counter"))]
    report.row(f"{what}: tracebacks, hangs and other surprises", len(others), ok=not others)
    for case in work.wrong[:10]:
        sys.stderr.write(f"{case[:2000]}\n")


def places(stack: ExitStack) -> list[Path]:
    """Where stores are made: on the disk, where syncing takes its time, and in memory, where more happens in less."""
    memory = Path("/dev/shm")  # noqa: S108  (a folder that nobody can foretell is made there)
    homes = [None, memory, memory, memory] if memory.is_dir() else [None]
    return [Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="secmod-crash-", dir=home))) for home in homes]


def seed() -> int:
    """For the choices of a campaign: SECMOD_SEED of the environment, to make the same ones again, or another each time."""
    return int(os.environ.get("SECMOD_SEED") or random.SystemRandom().getrandbits(32))


def campaign(report: Report, *, long: bool) -> None:
    """All parts."""
    from tests.campaigns.crash_calls import report_calls
    from tests.campaigns.crash_compare import report_compare
    from tests.campaigns.crash_power import report_power
    from tests.campaigns.crash_serve import ServeKills

    chosen = seed()
    report.row("SECMOD_SEED of this run", str(chosen))
    with ExitStack() as stack:
        homes = places(stack)
        work = RandomKills(report, homes, LONG if long else SHORT, chosen)
        work.run()
        report.row(
            "random kills",
            work.killed.total(),
            f"in {work.lives} lives, {work.acknowledged:,} operations acknowledged",
            ok=work.killed.total() >= work.kills,
        )
        tell_kills(report, "random kills", work)
        serve = ServeKills(report, homes[-1], SERVE_LONG if long else SERVE_SHORT, chosen)
        serve.run()
        report.row("kills of secmod serve", serve.killed.total(), f"{serve.acknowledged:,} operations acknowledged")
        tell_kills(report, "secmod serve", serve)
        report_compare(report, homes[0])
    report_calls(report, chosen, long=long)
    report_power(report, chosen, long=long)


if __name__ == "__main__":
    main("Crashes: nothing acknowledged is lost", campaign)
