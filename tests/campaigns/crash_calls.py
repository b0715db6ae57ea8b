# SPDX-License-Identifier: Apache-2.0
"""Part of `make crash`: the process ends, or the disk fails, at every call that changes a file, for each command in turn.

Runs with storage_faults.c loaded.  For each kind of operation a store is kept as it was just before; the operation is done again
and again from the same state, with something happening at the first call, the second, and so on to the last.
"""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Any

from secmod.apdu import SW
from secmod.errors import SecmodError, StatusError
from secmod.host import SecurityModule
from secmod.profile import load_profile
from tests.campaigns.card_process import BrokenError, CardProcess, Faults, KilledError, RefusedError
from tests.campaigns.crash_child import answer, listen, tell_wrong
from tests.campaigns.facts import Facts
from tests.campaigns.load import PIN, PROFILE, TRANSPORT, Load, Operation, change, restored
from tests.campaigns.report import Report
from tests.card.authority import Chain

MOST = 400  # calls of one operation; more is no end


class Action(IntEnum):
    """What happens at a call, as in storage_faults.c."""

    KILL_BEFORE = 1
    KILL_AFTER = 2
    NO_SPACE = 3
    IO_ERROR = 4
    SHORT = 5
    TORN = 6


KILLS = (Action.KILL_BEFORE, Action.KILL_AFTER, Action.TORN)
FOREVER = 1 << 30  # calls: until the fault is lifted


@dataclass(frozen=True, slots=True)
class Case:
    """An operation, and the store and the facts just before it; `session` is the password that opens one for it."""

    name: str
    operation: Operation
    before: Facts
    place: Path
    session: bool
    administrator: bool

    def ready(self, place: Path) -> tuple[CardProcess, SecurityModule, Facts]:
        """A process over a copy of the store, with all done that comes before the operation; and what the module is then."""
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self.place, place)
        process = CardProcess(place, guesses(self.before), before=partial(Faults().beneath, place))
        module = SecurityModule(process, load_profile(PROFILE))
        facts = self.before
        if self.session:
            module.open_session(facts.passwords[PIN].value or "")
            facts = restored(facts, PIN)
        if self.administrator:
            authenticate(module)
        return process, module, facts


def guesses(*possible: Facts) -> dict[int, tuple[str, ...]]:
    """Values that passwords may have."""
    return {
        reference: tuple({facts.passwords[reference].value: None for facts in possible if facts.passwords[reference].value})  # type: ignore[misc]
        for reference in possible[0].passwords
    }


CHAIN = Chain()
LOAD = Load(random.Random(0), CHAIN, 0)


def authenticate(module: SecurityModule) -> None:
    """The administrator, in this session."""
    LOAD._authenticate().run(module)


# ---- the cases: a life, with a copy of the store before each kind of operation ------------------------------------------------


def cases(directory: Path, seed: int, lives: int, operations: int) -> list[Case]:
    """One for each kind of operation in each phase that has it, as far as they come up in so many lives."""
    found: dict[str, Case] = {}
    choice = random.Random(seed)
    for life in range(lives):
        place = directory / f"life-{life}"
        load = Load(choice, CHAIN, operations)
        process = CardProcess(place, {PIN: (TRANSPORT,)})
        try:
            live(found, load, process.facts, process, place, directory)
        finally:
            process.kill()
    return list(found.values())


def live(found: dict[str, Case], load: Load, facts: Facts, process: CardProcess, place: Path, directory: Path) -> Facts:
    """A module's whole life."""
    module = SecurityModule(process, load_profile(PROFILE))
    while (operation := next_of(load, facts)) is not None:
        name = f"{operation.name} ({facts.phase})"
        if name not in found and operation.name != "external authenticate":
            kept = directory / f"case-{len(found)}"
            process.ask("store", "close")
            shutil.copytree(place, kept)
            session = load.in_session and operation.session is not None
            found[name] = Case(name, operation, facts, kept, session, load.administrator)
            process.kill()
            process.__init__(place, guesses(facts))  # type: ignore[misc]
            again, administrator = load.in_session, load.administrator
            if again:
                module.reset()
                module.open_session(facts.passwords[PIN].value or "")
                facts = restored(facts, PIN)
            if administrator:
                authenticate(module)
        result = operation.run(module)
        facts = operation.done(facts, result)
        load.did(operation)
    return facts


def next_of(load: Load, facts: Facts) -> Operation | None:
    """What comes next; once in a life the PIN is blocked on purpose, and then it goes on to the later phases."""
    if facts.phase == "V" and 115 < load.left < 130 and facts.passwords[PIN].tries:
        load.left -= 1
        return load.wrong_pace(facts)
    late = (facts.phase == "V" and load.left < 110) or (facts.phase == "P" and load.left < 70)
    if late and load.in_session and facts.passwords[PIN].tries and (load.administrator or facts.phase == "V") and load.left > 0:
        load.left -= 1
        return load.towards_the_next_phase(facts)
    return load.next(facts)


# ---- one failure -------------------------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What was tried, and what was wrong."""

    tried: Counter[str]
    words: Counter[str]
    wrong: list[str]


def fits(possible: list[Facts], found: Facts) -> bool:
    return any(one.fits(found) for one in possible)


def try_one(case: Case, place: Path, at: int, action: Action, count: int, tally: Tally) -> bool:
    """The operation with a failure at one call; False if it has not so many calls."""
    process, module, facts = case.ready(place)
    name = f"{case.name}, {action.name} at call {at}"
    possible = [facts, *case.operation.stages(facts)]
    try:
        process.ask("arm", at, int(action), count)
        outcome = attempt(case.operation, module)
        if isinstance(outcome, KilledError):
            tally.tried[action.name] += 1
            check_again(place, possible, name, tally)
            return True
        reached = process.ask("calls") >= at
        if not reached:
            return False
        tally.tried[action.name] += 1
        process.ask("arm", 0, 0, 0)
        check_living(case, process, module, facts, outcome, name, tally)
    except (BrokenError, SecmodError) as error:
        tally.wrong.append(f"surprise: {name}: {error}")
        return not isinstance(error, KilledError)
    finally:
        process.kill()
    return True


def attempt(operation: Operation, module: SecurityModule) -> Any:
    """The result, or what was raised."""
    try:
        return operation.run(module)
    except (SecmodError, AssertionError) as error:
        if isinstance(error, BrokenError):
            raise
        return error


def check_again(place: Path, possible: list[Facts], name: str, tally: Tally) -> None:
    """After a restart one of the possible states is there."""
    try:
        again = CardProcess(place, guesses(*possible))
    except (RefusedError, BrokenError, KilledError) as error:
        tally.wrong.append(f"lost: {name}: does not open any more: {error}")
        return
    again.kill()
    if not fits(possible, again.facts):
        tally.wrong.append(f"half done: {name}: {'; '.join(possible[0].differences(again.facts))}")


def check_living(
    case: Case, process: CardProcess, module: SecurityModule, facts: Facts, outcome: Any, name: str, tally: Tally
) -> None:
    """The card has answered: either it is done, or nothing has happened and the answer says 6581; then it goes on working."""
    operation = case.operation
    after = operation.stages(facts)
    if isinstance(outcome, Exception):
        word = f"{outcome.sw:04X}" if isinstance(outcome, StatusError) else type(outcome).__name__
        tally.words[word] += 1
        if word != f"{int(SW.MEMORY_FAILURE):04X}":
            tally.wrong.append(f"surprise: {name}: the card answers {word}: {outcome}")
        found = process.ask("look", guesses(facts, *after))
        if not fits([facts, *after[:-1]], found):
            tally.wrong.append(f"half done: {name}: after {word} {'; '.join(facts.differences(found))}")
        check_stored(process, found, name, tally)
        return
    tally.words["9000"] += 1
    done = operation.done(facts, outcome)
    found = process.ask("look", guesses(done))
    if not done.fits(found):
        tally.wrong.append(f"lost: {name}: acknowledged, and {'; '.join(done.differences(found))}")
    check_stored(process, found, name, tally)


def check_stored(process: CardProcess, found: Facts, name: str, tally: Tally) -> None:
    """The card goes on: what it is in memory is what a restart finds, and another change goes through."""
    if found.phase != "X":
        module = SecurityModule(process, load_profile(PROFILE))
        process.ask("reset")
        another = LOAD.another(found)
        try:
            result = another.run(module)
        except StatusError as error:
            tally.wrong.append(f"surprise: {name}: the card does not go on working: {error}")
        else:
            found = another.done(found, result)
    process.kill()
    check_again(process.directory, [found], f"{name}, then killed", tally)


# ---- the store itself ----------------------------------------------------------------------------------------------------------


def make_store(place: Path, before: Callable[[], None]) -> CardProcess:
    """A store where there is none."""
    shutil.rmtree(place, ignore_errors=True)
    return CardProcess(place, {PIN: (TRANSPORT,)}, before=before)


def try_making(place: Path, at: int, action: Action, tally: Tally) -> bool:
    """The store is made, with a failure at one call; afterwards a store is there, or can be made."""

    def before() -> None:
        Faults().beneath(place)
        Faults().arm(at, int(action), 1)

    name = f"making a store, {action.name} at call {at}"
    reached = True
    try:
        process = make_store(place, before)
        reached = process.ask("calls") >= at
        process.kill()
    except KilledError:
        pass
    except RefusedError as error:
        tally.words[str(error).split(":")[0]] += 1
    except BrokenError as error:
        tally.wrong.append(f"surprise: {name}: {error}")
    if not reached:
        return False
    tally.tried[action.name] += 1
    try:
        again = CardProcess(place, {PIN: (TRANSPORT,)})
    except (RefusedError, BrokenError, KilledError) as error:
        tally.wrong.append(f"lost: {name}: no store can be made any more: {error}")
        return True
    again.kill()
    if again.facts.phase != "I" or again.facts.passwords[PIN].value != TRANSPORT:
        tally.wrong.append(f"half done: {name}: {again.facts}")
    return True


def store_cases(case: Case) -> list[Case]:
    """What a store does besides commands: closing, snapshots; the module stays what it is."""
    ways: dict[str, list[tuple[str, tuple[str, ...]]]] = {
        "close the store": [("close", ())],
        "take a snapshot": [("snapshot", ("one",))],
        "take a snapshot again": [("snapshot", ("one",)), ("snapshot", ("one",))],
        "forget a snapshot": [("snapshot", ("one",)), ("forget", ("one",))],
        "empty the log": [("erase_remains", ())],
    }

    def run(module: SecurityModule, steps: list[tuple[str, tuple[str, ...]]]) -> None:
        process = module._transport
        assert isinstance(process, CardProcess)
        for step, arguments in steps:
            process.ask("store", step, *arguments)

    return [
        Case(
            name,
            change(name, partial(run, steps=steps), lambda facts: facts),
            case.before,
            case.place,
            session=True,
            administrator=False,
        )
        for name, steps in ways.items()
    ]


# ---- the whole -----------------------------------------------------------------------------------------------------------------


class Failures:
    """Everything: making a store, every operation, and what a store does besides; the short form takes samples."""

    def __init__(self, directory: Path, seed: int, *, long: bool, progress: Callable[[str], None]) -> None:
        self.directory = directory
        self.place = directory / "work"
        self.seed = seed
        self.choice = random.Random(seed)
        self.long = long
        self.progress = progress
        self.tally = Tally(Counter(), Counter(), [])
        self.calls: Counter[str] = Counter()

    def run(self) -> dict[str, Any]:
        """All of it; a dictionary for JSON."""
        for action in self._some([*KILLS, Action.NO_SPACE, Action.IO_ERROR, Action.SHORT], 2):
            self._each_call("making a store", action, partial(self._make, action))
        found = cases(self.directory, self.seed, *((3, 220) if self.long else (1, 40)))
        ways = [(action, 1) for action in Action] + [(Action.NO_SPACE, FOREVER), (Action.IO_ERROR, FOREVER)]
        for case in self._some(found, 3):
            for action, count in self._some(ways, 2):
                self._each_call(case.name, action, partial(self._operate, case, action, count))
        base = next(case for case in found if case.session and case.before.phase == "V")
        for case in self._some(store_cases(base), 1):
            for action in self._some([*KILLS], 1):
                self._each_call(case.name, action, partial(self._operate, case, action, 1))
        return {"calls": self.calls, "tried": self.tally.tried, "words": self.tally.words, "wrong": self.tally.wrong}

    def _some(self, of: list[Any], short: int) -> list[Any]:
        return of if self.long else self.choice.sample(of, short)

    def _make(self, action: Action, at: int) -> bool:
        return try_making(self.place, at, action, self.tally)

    def _operate(self, case: Case, action: Action, count: int, at: int) -> bool:
        return try_one(case, self.place, at, action, count, self.tally)

    def _each_call(self, name: str, action: Action, attempt: Callable[[int], bool]) -> None:
        """The first call, the second, and so on, until there is none."""
        at = 1
        while at < MOST and attempt(at):
            self.calls[name] = max(self.calls[name], at)
            self.progress(f"{name}, {action.name} at call {at}, {len(self.tally.wrong)} wrong")
            at += 1 if self.long else self.choice.randint(2, 6)


def report_calls(report: Report, seed: int, *, long: bool) -> None:
    """Runs this module with the faults loaded, and fills the report."""
    found = listen(report, "tests.campaigns.crash_calls", seed, long=long)
    report.row("calls: operations tried", len(found["calls"]), f"with {sum(found['calls'].values()):,} calls that change files")
    for name, count in found["calls"].items():
        report.row(f"    {name}", count, "calls")
    for name, count in found["tried"].items():
        report.row(f"calls: {name}", count)
    report.row(
        "calls: answers under ENOSPC, EIO, short writes",
        ", ".join(f"{word}: {count:,}" for word, count in found["words"].items()),
    )
    tell_wrong(report, "calls", found["wrong"])


def run(directory: Path, seed: int, *, long: bool, progress: Callable[[str], None]) -> dict[str, Any]:
    """All of it; a dictionary for JSON."""
    return Failures(directory, seed, long=long, progress=progress).run()


if __name__ == "__main__":
    answer(run)
