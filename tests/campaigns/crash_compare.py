# SPDX-License-Identifier: Apache-2.0
"""Part of `make crash`: the process is killed at the very moment when a password is compared, again and again.

Whoever cuts the power there wants tries that are not counted.  He gets as many as the counter has, and then it is blocked.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from secmod.crypto import Password
from secmod.crypto.handshake import Handshake
from secmod.errors import BlockedError, SecmodError
from secmod.host import SecurityModule
from secmod.profile import load_profile
from tests.campaigns.card_process import CardProcess, KilledError
from tests.campaigns.load import FULL, PIN, PROFILE, TRANSPORT
from tests.campaigns.report import Report

VALUE, NEW, WRONG = "4711081500", "4711081511", "4711081599"
GUESSES = {PIN: (TRANSPORT, VALUE, NEW)}


def die(*_: Any) -> NoReturn:
    """The power goes."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def at_pace() -> None:
    """In the child: when the token is compared."""
    Handshake.finish = die  # type: ignore[method-assign]


def at_change() -> None:
    """In the child: when the old value is compared."""
    Password.matches = die  # type: ignore[method-assign]


def pace(value: str) -> Callable[[SecurityModule], None]:
    """A session with this value."""
    return lambda module: module.open_session(value)


def change(value: str) -> Callable[[SecurityModule], None]:
    """The PIN is changed, and this said to be the old one."""

    def run(module: SecurityModule) -> None:
        module.change_password(NEW, PIN, value)

    return run


def deliver(directory: Path) -> None:
    """A module whose PIN is VALUE, with all tries."""
    process = CardProcess(directory, GUESSES)
    module = SecurityModule(process, load_profile(PROFILE))
    module.open_session(TRANSPORT)
    module.change_password(VALUE)
    process.close()


def tries_of(directory: Path) -> int | None:
    """What the store says, and that the PIN is still VALUE."""
    process = CardProcess(directory, GUESSES)
    process.kill()
    assert process.facts.passwords[PIN].value == VALUE
    return process.facts.passwords[PIN].tries


def blocked(directory: Path) -> bool:
    """The right value is refused as well."""
    process = CardProcess(directory, GUESSES)
    try:
        SecurityModule(process, load_profile(PROFILE)).open_session(VALUE)
    except BlockedError:
        return True
    except SecmodError:
        return False
    finally:
        process.kill()
    return False


def cut_pace(directory: Path, value: str) -> list[int | None]:
    """Tries left after each of ten PACE runs that were cut off at the comparison."""
    found = []
    for _ in range(FULL):
        process = CardProcess(directory, {}, before=at_pace)
        cut(process, pace(value))
        found.append(tries_of(directory))
    return found


def cut_change(directory: Path, value: str) -> int | None:
    """Tries left when a change was cut off at the comparison; the session before it has given all tries back."""
    process = CardProcess(directory, {}, before=at_change)
    module = SecurityModule(process, load_profile(PROFILE))
    module.open_session(VALUE)
    cut(process, change(value), module)
    return tries_of(directory)


def cut(process: CardProcess, run: Callable[[SecurityModule], None], module: SecurityModule | None = None) -> None:
    """Does it, and must not come to its end."""
    try:
        run(module or SecurityModule(process, load_profile(PROFILE)))
    except KilledError:
        return
    finally:
        process.kill()
    raise AssertionError("nothing was compared")


def report_compare(report: Report, directory: Path) -> None:
    """Ten cuts at PACE with a wrong and with the right value, and one at a change with each."""
    for name, value in (("wrong", WRONG), ("right", VALUE)):
        place = directory / f"compare-{name}"
        deliver(place)
        changed = cut_change(place, value)
        report.row(f"killed when the old PIN ({name}) is compared: tries left of {FULL}", str(changed), ok=changed == FULL - 1)
        process = CardProcess(place, {})  # a session gives all tries back
        SecurityModule(process, load_profile(PROFILE)).open_session(VALUE)
        process.close()
        left = cut_pace(place, value)
        report.row(
            f"killed when PACE ({name} PIN) compares, ten times: tries left", str(left), ok=left == list(range(FULL - 1, -1, -1))
        )
        report.row(f"    and then the right PIN ({name} before) is blocked", "", ok=blocked(place))
