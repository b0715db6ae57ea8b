# SPDX-License-Identifier: Apache-2.0
"""The options that name a store and where its key comes from, for every verb that opens one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from secmod.cli.password import named_secret, secret_options

if TYPE_CHECKING:
    from secmod.store import KeySource

_Function = TypeVar("_Function", bound=Callable[..., Any])


def store_options(*, required: bool) -> Callable[[_Function], _Function]:
    """Adds `--store` (parameter `store`), and the options that `key_source` takes, to a verb."""

    def add(function: _Function) -> _Function:
        function = secret_options("passphrase", "The passphrase of the store's key")(function)
        function = click.option(
            "--key-file",
            type=click.Path(dir_okay=False, path_type=Path),
            help="The store's key is in this file, 0600, made on first use.  [default: `key` in the store's directory]",
        )(function)
        return click.option(
            "--store",
            type=click.Path(file_okay=False, path_type=Path),
            envvar="SECMOD_STORE",
            show_envvar=True,
            required=required,
            help="The directory where the cards are kept; its own alone, made on first use.",
        )(function)

    return add


def key_source(
    *, key_file: Path | None, passphrase_file: Path | None, passphrase_env: str | None, passphrase_fd: int | None
) -> KeySource:
    """Where the key comes from, by the options of `store_options`; a passphrase is read here."""
    from secmod.store import KeyFile, Passphrase

    passphrase = named_secret(passphrase_file, passphrase_env, passphrase_fd, "passphrase")
    if passphrase is None:
        return KeyFile(None if key_file is None else key_file.absolute())
    if key_file is not None:
        raise click.UsageError("a store's key comes from a passphrase or from --key-file, not from both")
    return Passphrase(passphrase)


__all__ = ["key_source", "store_options"]
