# SPDX-License-Identifier: Apache-2.0
"""`secmod store`: looks at the store of a `secmod serve` that has ended, copies it, changes its key, takes snapshots of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secmod.cli.password import named_secret, secret_options
from secmod.cli.report import console, json_option, print_json, table
from secmod.cli.storing import key_source, store_options

if TYPE_CHECKING:
    from secmod.store import Store
    from secmod.store.upkeep import Progress, Report


@click.group(name="store")
def command() -> None:
    """Look at a store, back it up, change its key; take snapshots, and bring them back.

    These verbs open the store themselves, so the `secmod serve` that owns it must have ended.
    """


def _open(store: Path, key: dict[str, Any]) -> Store:
    """The store, which is there."""
    from secmod.errors import StoreError
    from secmod.store import Store

    if not (store / "store.db").exists():
        raise StoreError(f"{store}: there is no store; `secmod serve --store {store}` makes one")
    return Store.open(store, key_source(**key))


@contextmanager
def _progress(label: str) -> Iterator[Progress | None]:
    """A bar on standard error, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def tell(done: int, total: int) -> None:
            bar.length = max(total, 1)
            bar.update(done - bar.pos)

        yield tell


@command.command(name="info")
@store_options(required=True)
@json_option
def info(store: Path, as_json: bool, **key: Any) -> None:
    """Show what is in the store; no secret is among it."""
    from secmod.errors import StoreDamagedError
    from secmod.store import FORMAT

    with _open(store, key) as opened:
        modules: list[dict[str, Any]] = []
        for number in opened.numbers:
            try:
                index = opened.index(number)
            except StoreDamagedError:
                modules.append({"module": number, "damaged": True})
                continue
            origin = index.origin
            entry: dict[str, Any] = {
                "module": number,
                "profile": origin.name,
                "version": origin.version,
                "records": len(index.tags),
            }
            modules.append({**entry, "generation": index.generation})
        snapshots: dict[str, int] = {}
        for _, name in opened.snapshots():
            snapshots[name] = snapshots.get(name, 0) + 1
        whole = {
            "store": str(opened.path),
            "id": opened.identifier,
            "format": FORMAT,
            "key": opened.key_kind,
            "generation": opened.generation,
            "bytes": sum(path.stat().st_size for path in opened.path.iterdir()),
            "snapshots": snapshots,
        }
    if as_json:
        print_json({**whole, "modules": modules})
        return
    for name, value in whole.items():
        shown = ", ".join(f"{snapshot} ({count})" for snapshot, count in snapshots.items()) or "none"
        click.echo(f"{name:<11}{shown if name == 'snapshots' else value}")
    _print_modules(modules)


def _print_modules(modules: list[dict[str, Any]]) -> None:
    """The modules that have changed since they were made; the others by their number alone."""
    changed = [entry for entry in modules if entry.get("records") or entry.get("damaged")]
    click.echo(f"{'modules':<11}{len(modules)}, {len(changed)} of them changed since they were made")
    columns = ("profile", "version", "records", "generation")
    rows = [
        (str(entry["module"]), "damaged", "", "", "")
        if entry.get("damaged")
        else (str(entry["module"]), *(str(entry[column]) for column in columns))
        for entry in changed
    ]
    if rows:
        console().print(table("module", *columns, rows=rows, right=("module", "records", "generation")))


@command.command(name="check")
@store_options(required=True)
@json_option
@click.pass_context
def check(context: click.Context, /, store: Path, as_json: bool, **key: Any) -> None:
    """Read every record, compare it with its tag, and unseal every secret; exit code 1 if anything is damaged."""
    from secmod.store import upkeep

    with _open(store, key) as opened, _progress("checking") as progress:
        report = upkeep.check(opened, progress)
    _tell(report, as_json=as_json)
    if report.damaged:
        context.exit(1)


def _tell(report: Report, *, as_json: bool) -> None:
    facts = {"modules": report.modules, "records": report.records, "snapshots": report.snapshots, "damaged": list(report.damaged)}
    if as_json:
        print_json(facts)
        return
    for sentence in report.damaged:
        click.echo(sentence)
    if report.damaged:
        click.echo("  next: bring a backup back: `secmod store restore --from FILE`", err=True)
    else:
        click.echo(f"well: {report.modules} modules, {report.records} records, {report.snapshots} snapshots of modules")


@command.command(name="backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@store_options(required=True)
@json_option
def backup(file: Path, store: Path, as_json: bool, **key: Any) -> None:
    """Copy the store into one FILE, which must not be there.

    It opens with what opens the store. A key file is not part of it: keep a copy of that too, and somewhere else.
    """
    from secmod.store import upkeep

    with _open(store, key) as opened:
        with _progress("copying") as progress:
            upkeep.backup(opened, file, progress)
        facts = {
            "file": str(file.absolute()),
            "bytes": file.stat().st_size,
            "modules": len(opened.numbers),
            "key": opened.key_kind,
        }
    if as_json:
        print_json(facts)
        return
    click.echo(f"backup: {facts['modules']} modules in {file}, {facts['bytes']:,} bytes")
    if facts["key"] == "file":
        click.echo("  next: keep a copy of the key file too, somewhere else; without it nobody can open the backup", err=True)


@command.command(name="snapshot")
@click.argument("name")
@click.option("--delete", is_flag=True, help="Forget the snapshot instead.")
@store_options(required=True)
@json_option
def snapshot(name: str, delete: bool, store: Path, as_json: bool, **key: Any) -> None:
    """Keep all modules, as they are, under a NAME inside the store."""
    with _open(store, key) as opened:
        if delete:
            opened.forget(name)
        else:
            opened.snapshot(name)
        facts = {"snapshot": name, "deleted": delete, "modules": len(opened.numbers)}
    if as_json:
        print_json(facts)
    else:
        click.echo(f"snapshot {name} is forgotten" if delete else f"snapshot {name}: {facts['modules']} modules")


@command.command(name="restore")
@click.argument("name", required=False)
@click.option(
    "--from",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Bring back this backup file, in place of the whole store.",
)
@store_options(required=True)
@json_option
def restore(name: str | None, file: Path | None, store: Path, as_json: bool, **key: Any) -> None:
    """Bring all modules back to the snapshot NAME, or the whole store to a backup file.

    Nothing changes if any of it is damaged. Random numbers go on: nothing that was drawn is drawn again.
    """
    from secmod.store import upkeep

    if (name is None) is (file is None):
        raise click.UsageError("name a snapshot, or a backup with --from FILE")
    if file is not None:
        with _progress("checking") as progress:
            report = upkeep.bring_back(store, file, key_source(**key), progress)
        facts = {"from": str(file), "modules": report.modules, "records": report.records}
    else:
        with _open(store, key) as opened:
            opened.restore(str(name))
            facts = {"snapshot": name, "modules": len(opened.numbers)}
    if as_json:
        print_json(facts)
    else:
        click.echo(f"restored: {facts['modules']} modules from {file or name}")


@command.command(name="change-passphrase")
@secret_options("new-passphrase", "The new passphrase")
@click.option("--new-key-file", is_flag=True, help="From now on a fresh file `key` in the store's directory opens it.")
@store_options(required=True)
@json_option
def change_passphrase(
    new_passphrase_file: Path | None,
    new_passphrase_env: str | None,
    new_passphrase_fd: int | None,
    new_key_file: bool,
    store: Path,
    as_json: bool,
    **key: Any,
) -> None:
    """Let another passphrase, or a fresh key file, open the store; the one until now does not any more.

    What is stored stays as it is: its key is wrapped anew, in one transaction. Backups still open with what they were made with.
    """
    from secmod.store import KeyFile, KeySource, Passphrase

    phrase = named_secret(new_passphrase_file, new_passphrase_env, new_passphrase_fd, "new-passphrase")
    if (phrase is None) is not new_key_file:
        raise click.UsageError("name one: --new-passphrase-file, --new-passphrase-env, --new-passphrase-fd or --new-key-file")
    source: KeySource = KeyFile() if phrase is None else Passphrase(phrase)
    with _open(store, key) as opened:
        opened.change_key(source)
        facts = {"store": str(opened.path), "key": opened.key_kind}
    if as_json:
        print_json(facts)
    else:
        click.echo(f"changed: the store opens with {'the new key file' if phrase is None else 'the new passphrase'}")


__all__ = ["backup", "change_passphrase", "check", "command", "info", "restore", "snapshot"]
