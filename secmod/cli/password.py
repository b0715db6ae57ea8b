# SPDX-License-Identifier: Apache-2.0
"""Where a verb gets a password from: never from the command line, which every user of the machine can see."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MOST = 64  # bytes that are read: more than any password has


def password_options(function: _Function) -> _Function:
    """Adds the options that name a source (parameters `password_file`, `password_env`, `password_fd`) to a verb."""
    for option in reversed(
        (
            click.option(
                "--password-file",
                type=click.Path(exists=True, dir_okay=False, path_type=Path),
                help="The password is the first line of this file.",
            ),
            click.option("--password-env", metavar="NAME", help="The password is the value of this environment variable."),
            click.option(
                "--password-fd", type=click.IntRange(0), metavar="N", help="The password is the first line from this descriptor."
            ),
        )
    ):
        function = option(function)
    return function


def read_password(what: str, file: Path | None, env: str | None, fd: int | None) -> bytes:
    """The password, from the one source that is named, or else from the person at the terminal, who is asked for `what`."""
    if sum(source is not None for source in (file, env, fd)) > 1:
        raise click.UsageError("name one source of the password: --password-file, --password-env or --password-fd")
    if env is not None:
        value = os.environ.get(env, "").encode()
        place = f"environment variable {env}"
    elif file is not None:
        with file.open("rb") as stream:
            value = _first_line(stream.fileno())
        place = f"file {file}"
    elif fd is not None:
        try:
            value = _first_line(fd)
        except OSError as error:
            raise click.UsageError(f"descriptor {fd} can not be read: {error.strerror}") from None
        place = f"descriptor {fd}"
    else:
        return _asked(what)
    if not value:
        raise click.UsageError(f"there is no password in {place}")
    return value


def _first_line(descriptor: int) -> bytes:
    """Unbuffered, so that what follows the line is left to others; without the end of the line."""
    line = b""
    while len(line) < _MOST and (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return line.removesuffix(b"\r")


def _asked(what: str) -> bytes:
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"{what} is wanted: give --password-file, --password-env or --password-fd, or run it at a terminal"
        )
    answer: str = click.prompt(what, hide_input=True, err=True)
    return answer.encode()


__all__ = ["password_options", "read_password"]
