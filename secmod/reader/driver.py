# SPDX-License-Identifier: Apache-2.0
"""Installing the reader driver into the machine's PC/SC service, and taking it out again.

A plan is made first and can be printed; carrying it out writes each file beside its place and renames it, so nobody ever sees
half a file.  Files that are not ours are neither overwritten nor removed.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from secmod.errors import DriverError

DRIVER_DIRECTORY: Final = Path("/usr/lib/pcsc/drivers/serial")
DRIVER_NAME: Final = "libifdsecmod.so"
CONFIG: Final = Path("/etc/reader.conf.d/secmod")
USUAL_GROUP: Final = "secmod"
MAX_READERS: Final = 16
MAX_SOCKET_PATH: Final = 107  # bytes (unix(7))
RESTART: Final = "restart pcscd to make it read its configuration: `systemctl restart pcscd`, or end it and start it again"

_DRIVER_MARK: Final = b"secmod reader driver, link version "
_CONFIG_MARK: Final = "# Written by `secmod driver install`; `secmod driver uninstall` removes it.\n"
_FORBIDDEN: Final = frozenset('"\n\r\0')
_LIBPATH: Final = re.compile(r"[A-Za-z0-9=/._@-]+")  # pcscd's configuration reader takes no more, and no quotes here
_MAX_NAME: Final = 121  # bytes; pcscd cuts longer ones


def driver_path() -> Path:
    """The driver built with this package; DriverError with the next step if it was not built."""
    path = Path(__file__).parent.parent / "_native" / DRIVER_NAME
    if not path.is_file():
        raise DriverError(
            f"{path} is missing: build it with `python setup.py build_ext --inplace` (needs gcc and libpcsclite-dev)"
        )
    return path


def socket_name(reader: int) -> str:
    """File name of a reader's socket in the socket directory."""
    return f"reader{reader}.sock"


def usual_group(root: Path = Path("/")) -> str | None:
    """The group that packages make for the card process (packaging/), if the system below `root` has it."""
    try:
        lines = (root / "etc/group").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return USUAL_GROUP if any(line.startswith(f"{USUAL_GROUP}:") for line in lines) else None


@dataclass(frozen=True, slots=True)
class ReaderConf:
    """What a reader.conf(5) says: so many readers, their sockets' directory and the driver's options.

    `names` are the readers' names (pcscd adds " 00 00"), `deadline_ms` is what the driver waits for an answer (2000 if None),
    `patience_ms` what it waits for a card that says it works (60,000), `group` may connect besides root and the daemon's own
    user.
    """

    sockets: Path
    readers: int = 1
    names: Sequence[str] | None = None
    deadline_ms: int | None = None
    group: str | None = None
    patience_ms: int | None = None

    def text(self, driver: Path) -> str:
        """The file's text; DriverError for what pcscd would not read: with one bad line it does not start."""
        if not 1 <= self.readers <= MAX_READERS:
            raise DriverError(f"{self.readers} readers can not be had: pcscd serves 1 to {MAX_READERS}")
        titles = [f"secmod reader {i}" for i in range(self.readers)] if self.names is None else list(self.names)
        if len(titles) != self.readers or len(set(titles)) != self.readers:
            raise DriverError(f"{self.readers} readers need as many different names, not {len(titles)}")
        return "\n".join([_CONFIG_MARK, *(self._stanza(i, title, driver) for i, title in enumerate(titles))])

    def _stanza(self, reader: int, title: str, driver: Path) -> str:
        deadline = "" if self.deadline_ms is None else f":deadline={self.deadline_ms}"
        deadline += "" if self.patience_ms is None else f":patience={self.patience_ms}"
        group = "" if self.group is None else f":group={self.group}"
        path = self.sockets / socket_name(reader)
        if not 0 < len(title.encode()) <= _MAX_NAME or _FORBIDDEN & set(title):
            raise DriverError(f"{title!r} can not name a reader: 1 to {_MAX_NAME} bytes without quotes and line ends")
        if _FORBIDDEN & set(f"{path}{group}") or ":" in f"{path}{self.group}" or len(os.fsencode(path)) > MAX_SOCKET_PATH:
            raise DriverError(
                f"socket {path} can not be used: choose a directory without quotes and colons, {MAX_SOCKET_PATH} bytes at most"
            )
        if not _LIBPATH.fullmatch(str(driver)):
            raise DriverError(f"pcscd can not read the path {driver}: move it to one of letters, digits and /-._=@")
        return (
            f'FRIENDLYNAME "{title}"\nDEVICENAME   "unix:{path}{deadline}{group}"\nLIBPATH      {driver}\nCHANNELID    {reader}\n'
        )


class Step(StrEnum):
    """What a plan does with a file."""

    WRITE = "write"
    REPLACE = "replace"
    REMOVE = "remove"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Action:
    """One file of a plan: what is done with it and, if it is written, its bytes and mode."""

    step: Step
    path: Path
    content: bytes = b""
    mode: int = 0o644


@dataclass(frozen=True, slots=True)
class Plan:
    """What `carry_out` would do, file by file; printing it is the dry run."""

    actions: tuple[Action, ...]
    advice: str

    @property
    def changes(self) -> bool:
        """Whether anything is to be done."""
        return any(action.step is not Step.KEEP for action in self.actions)

    def carry_out(self) -> None:
        """The files are as planned; DriverError if one can not be written, and then that one is as it was."""
        for action in self.actions:
            try:
                if action.step is Step.REMOVE:
                    action.path.unlink()
                elif action.step is not Step.KEEP:
                    _write(action)
            except OSError as error:
                raise DriverError(
                    f"{action.path} can not be changed ({error.strerror}): run as root, or give another --root"
                ) from error


@dataclass(frozen=True, slots=True)
class Status:
    """What is installed: the two files (None if absent), whether they are ours, and whether the driver is this release's."""

    driver: Path | None
    config: Path | None
    ours: bool
    current: bool

    @property
    def sentence(self) -> str:
        """One line for people."""
        if self.driver is None and self.config is None:
            return "the reader driver is not installed: run `secmod driver install`"
        if not self.ours:
            return "files of another origin stand in the places of the reader driver: move them away first"
        if self.driver is None or self.config is None:
            return "the reader driver is installed in part: run `secmod driver install`"
        return "the reader driver is installed" + ("" if self.current else ", from another release: run `secmod driver install`")


def plan_install(conf: ReaderConf, *, root: Path = Path("/"), driver: Path | None = None) -> Plan:
    """What installing would do below `root`; DriverError if a file of another origin is in the way."""
    library = (driver or driver_path()).read_bytes()
    actions = (
        _plan_file(_below(root, DRIVER_DIRECTORY / DRIVER_NAME), library, 0o755),
        _plan_file(_below(root, CONFIG), conf.text(DRIVER_DIRECTORY / DRIVER_NAME).encode(), 0o644),
    )
    return Plan(actions, RESTART)


def plan_uninstall(*, root: Path = Path("/")) -> Plan:
    """What uninstalling would do below `root`: the configuration goes first, so that pcscd never looks for a missing driver."""
    actions = []
    for path in (_below(root, CONFIG), _below(root, DRIVER_DIRECTORY / DRIVER_NAME)):
        if not os.path.lexists(path):
            actions.append(Action(Step.KEEP, path))
            continue
        _check_ours(path, "removed")
        actions.append(Action(Step.REMOVE, path))
    return Plan(tuple(actions), RESTART)


def install(conf: ReaderConf, *, root: Path = Path("/")) -> Plan:
    """Driver and configuration are in place; returns the plan that was carried out."""
    plan = plan_install(conf, root=root)
    plan.carry_out()
    return plan


def uninstall(*, root: Path = Path("/")) -> Plan:
    """Driver and configuration are gone; returns the plan that was carried out."""
    plan = plan_uninstall(root=root)
    plan.carry_out()
    return plan


def status(*, root: Path = Path("/")) -> Status:
    """What is installed below `root`."""
    library, config = _below(root, DRIVER_DIRECTORY / DRIVER_NAME), _below(root, CONFIG)
    there = [path for path in (library, config) if os.path.lexists(path)]
    ours = all(_is_ours(path) for path in there)
    current = library in there and ours and library.read_bytes() == driver_path().read_bytes()
    return Status(library if library in there else None, config if config in there else None, ours, current)


def _below(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _plan_file(path: Path, content: bytes, mode: int) -> Action:
    if not os.path.lexists(path):
        return Action(Step.WRITE, path, content, mode)
    _check_ours(path, "overwritten")
    same = path.read_bytes() == content
    return Action(Step.KEEP if same else Step.REPLACE, path, content, mode)


def _check_ours(path: Path, fate: str) -> None:
    if not _is_ours(path):
        raise DriverError(f"{path} was not written by secmod and is not {fate}: move it away and try again")


def _is_ours(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return False
    content = path.read_bytes()
    return _DRIVER_MARK in content if path.name == DRIVER_NAME else content.startswith(_CONFIG_MARK.encode())


def _write(action: Action) -> None:
    """The file appears complete or not at all; a dot file is skipped by pcscd, should it look just now."""
    action.path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{action.path.name}.", dir=action.path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(action.content)
            os.fchmod(handle, action.mode)
            file.flush()
            os.fsync(handle)
        temporary.rename(action.path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


__all__ = [
    "CONFIG",
    "DRIVER_DIRECTORY",
    "DRIVER_NAME",
    "MAX_READERS",
    "MAX_SOCKET_PATH",
    "RESTART",
    "USUAL_GROUP",
    "Action",
    "Plan",
    "ReaderConf",
    "Status",
    "Step",
    "driver_path",
    "install",
    "plan_install",
    "plan_uninstall",
    "socket_name",
    "status",
    "uninstall",
    "usual_group",
]
