# SPDX-License-Identifier: Apache-2.0
"""Every expected error is one sentence with an exit code; an unexpected one keeps its traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from secmod import errors
from secmod.cli.exits import ExitCode, explain


def every_secmod_error() -> list[type[errors.SecmodError]]:
    return [value for name in errors.__all__ if isinstance(value := getattr(errors, name), type)]


@pytest.mark.parametrize("kind", every_secmod_error())
def test_every_error_of_secmod_is_explained_in_one_line(kind: type[errors.SecmodError]) -> None:
    error = kind(0x6A82, "no such file") if issubclass(kind, errors.StatusError) else _made(kind)
    explanation = explain(error)
    assert explanation is not None
    assert explanation.sentence
    assert "\n" not in explanation.sentence
    wanted = (
        ExitCode.NO_CARD
        if issubclass(kind, (errors.NoReaderError, errors.NoCardError, errors.EmptyReaderError))
        else ExitCode.FAILURE
    )
    assert explanation.code == wanted


def _made(kind: type[errors.SecmodError]) -> errors.SecmodError:
    return kind(0x6700, "first line\nsecond line") if issubclass(kind, errors.CardError) else kind("first line\nsecond line")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (click.UsageError("no such option"), ExitCode.USAGE),
        (click.FileError("a.toml", "is not there"), ExitCode.FAILURE),
        (click.Abort(), ExitCode.INTERRUPTED),
        (click.exceptions.Exit(1), ExitCode.FAILURE),
        (PermissionError(13, "Permission denied", "/run/secmod"), ExitCode.FAILURE),
    ],
)
def test_other_expected_errors(error: Exception, code: ExitCode) -> None:
    explanation = explain(error)
    assert explanation is not None
    assert explanation.code == code


def test_a_result_that_can_not_be_written_is_a_sentence() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "secmod", "driver", "status"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == ExitCode.FAILURE
    assert (
        done.stderr
        == "secmod: the result could not be written: No space left on device\n  next: make room, or send it elsewhere\n"
    )


def test_a_defect_is_not_explained_away() -> None:
    assert explain(ZeroDivisionError()) is None
