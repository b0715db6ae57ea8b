# SPDX-License-Identifier: Apache-2.0
"""Where a verb gets a secret from: never from the command line, which every user of the machine can see."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])

_MOST = 1025  # bytes that are read: one more than a passphrase may have, so that a longer one is refused and not cut


def secret_options(name: str = "password", what: str = "The password") -> Callable[[_Function], _Function]:
    """Adds the options that name a source (parameters `NAME_file`, `NAME_env`, `NAME_fd`) to a verb."""

    def add(function: _Function) -> _Function:
        for option in reversed(
            (
                click.option(
                    f"--{name}-file",
                    type=click.Path(exists=True, dir_okay=False, path_type=Path),
                    help=f"{what} is the first line of this file.",
                ),
                click.option(f"--{name}-env", metavar="NAME", help=f"{what} is the value of this environment variable."),
                click.option(
                    f"--{name}-fd", type=click.IntRange(0), metavar="N", help=f"{what} is the first line from this descriptor."
                ),
            )
        ):
            function = option(function)
        return function

    return add


def read_secret(what: str, file: Path | None, env: str | None, fd: int | None, name: str = "password") -> bytes:
    """The secret, from the one source that is named, or else from the person at the terminal, who is asked for `what`."""
    secret = named_secret(file, env, fd, name)
    return _asked(what, name) if secret is None else secret


def named_secret(file: Path | None, env: str | None, fd: int | None, name: str) -> bytes | None:
    """The secret, from the one source that is named; None if none is."""
    if sum(source is not None for source in (file, env, fd)) > 1:
        raise click.UsageError(f"name one source of the {name}: --{name}-file, --{name}-env or --{name}-fd")
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
        return None
    if not value:
        raise click.UsageError(f"there is no {name} in {place}")
    return value


def _first_line(descriptor: int) -> bytes:
    """Unbuffered, so that what follows the line is left to others; without the end of the line."""
    line = b""
    while len(line) < _MOST and (byte := os.read(descriptor, 1)) not in (b"", b"\n"):
        line += byte
    return line.removesuffix(b"\r")


def _asked(what: str, name: str) -> bytes:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{what} is wanted: give --{name}-file, --{name}-env or --{name}-fd, or run it at a terminal")
    answer: str = click.prompt(what, hide_input=True, err=True)
    return answer.encode()


__all__ = ["named_secret", "read_secret", "secret_options"]
