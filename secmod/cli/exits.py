# SPDX-License-Identifier: Apache-2.0
"""How verbs end: the exit codes, and one sentence with the next step for every expected error."""

from __future__ import annotations

import errno
import os
import re
import sys
from dataclasses import dataclass
from enum import IntEnum

import click

from secmod import errors


class ExitCode(IntEnum):
    """What the shell sees."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    NO_CARD = 3
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Explanation:
    """An error as it is told: what happened, what to do next, and the exit code."""

    sentence: str
    next_step: str
    code: int

    def print(self) -> None:
        """Writes it to standard error."""
        if self.sentence:
            click.echo(f"secmod: {self.sentence}", err=True)
        if self.next_step:
            click.echo(f"  next: {self.next_step}", err=True)


# The most particular class first; an error's own message says what happened.
_NEXT_STEP: tuple[tuple[type[errors.SecmodError], str, ExitCode], ...] = (
    (errors.NoReaderError, "`secmod doctor` finds what is missing; `secmod serve` starts the emulator", ExitCode.NO_CARD),
    (errors.EmptyReaderError, "`secmod reader insert` puts the card in", ExitCode.NO_CARD),
    (errors.NoCardError, "put a card in, or start the emulator: `secmod serve`", ExitCode.NO_CARD),
    (errors.ProfileError, "", ExitCode.FAILURE),
    (errors.DriverError, "`secmod doctor` finds what is missing", ExitCode.FAILURE),
    (errors.LinkError, "`secmod doctor` looks at driver, pcscd and sockets", ExitCode.FAILURE),
    (errors.TransportError, "`secmod doctor` looks at driver, pcscd and sockets", ExitCode.FAILURE),
    (errors.SecmodError, "", ExitCode.FAILURE),
)


# Many sentences say themselves what to do next.
_NAMES_A_COMMAND = re.compile(r"`secmod [a-z]+|secmod (serve|doctor|driver)|apt-get install|pip install|systemctl")


def _one_sentence(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def explain(error: Exception) -> Explanation | None:
    """How an error is told; None for one that nobody expected: that is a defect, and its traceback is wanted."""
    match error:
        case click.exceptions.Exit():
            return Explanation("", "", error.exit_code)
        case click.Abort():
            return Explanation("interrupted", "", ExitCode.INTERRUPTED)
        case click.UsageError():
            where = error.ctx.command_path if error.ctx else "secmod"
            return Explanation(error.format_message(), f"`{where} --help`", ExitCode.USAGE)
        case click.ClickException():
            return Explanation(error.format_message(), "", ExitCode.FAILURE)
        case errors.SecmodError():
            step, code = next((step, code) for kind, step, code in _NEXT_STEP if isinstance(error, kind))
            sentence = _one_sentence(error)
            return Explanation(sentence, "" if _NAMES_A_COMMAND.search(sentence) else step, code)
        case BrokenPipeError():
            # Whoever read our output has left; the interpreter's own flush at exit must not complain again.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return Explanation("", "", ExitCode.FAILURE)
        case OSError(filename=None, errno=errno.ENOSPC | errno.EDQUOT | errno.EFBIG | errno.EIO, strerror=str() as reason):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return Explanation(f"the result could not be written: {reason}", "make room, or send it elsewhere", ExitCode.FAILURE)
        case OSError(filename=str() as filename, strerror=str() as reason):
            return Explanation(f"{filename}: {reason}", "", ExitCode.FAILURE)
        case _:
            return None


__all__ = ["ExitCode", "Explanation", "explain"]
