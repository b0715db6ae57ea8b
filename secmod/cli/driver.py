# SPDX-License-Identifier: Apache-2.0
"""`secmod driver`: puts the reader driver into the directories of the machine's pcscd, or takes it out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from secmod.cli.exits import ExitCode
from secmod.cli.report import json_option, print_json

if TYPE_CHECKING:
    from secmod.reader.driver import Plan

root_option = click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("/"),
    help="Work below this directory, as for an image or a package.  [default: /]",
)
dry_run_option = click.option("--dry-run", is_flag=True, help="Only say what would be done.")


@click.group(name="driver")
def command() -> None:
    """Put the reader driver into the machine's pcscd, or take it out.

    Only for programs that use the machine's own pcscd: `secmod demo` and the tests start a private one.
    """


def _finish(plan: Plan, *, dry_run: bool, as_json: bool) -> None:
    if not dry_run:
        plan.carry_out()
    done = not dry_run and plan.changes
    if as_json:
        files = [{"step": action.step.value, "path": str(action.path), "bytes": len(action.content)} for action in plan.actions]
        print_json({"done": done, "dry_run": dry_run, "files": files, "next": plan.advice if plan.changes else ""})
        return
    for action in plan.actions:
        click.echo(f"{action.step.value:8} {action.path}")
    if not plan.changes:
        click.echo("nothing to do")
    elif dry_run:
        click.echo("nothing was done (--dry-run)")
    else:
        click.echo(f"next: {plan.advice}")


@command.command(name="install")
@click.option("--readers", type=click.IntRange(1, 16), default=1, show_default=True, help="How many readers pcscd shall have.")
@click.option("--group", help="Members of this group may play the cards too, not only root.  [default: secmod, if there is one]")
@click.option(
    "--socket-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("/run/secmod"),
    show_default=True,
    help="Where the driver listens; give `secmod serve` the same.",
)
@root_option
@dry_run_option
@json_option
def install(readers: int, group: str | None, socket_dir: Path, root: Path, dry_run: bool, as_json: bool) -> None:
    """Copy the driver and write its configuration; as root.

    Nothing of another origin is overwritten. pcscd reads its configuration at its start only.
    """
    from secmod.reader.driver import ReaderConf, plan_install, usual_group

    conf = ReaderConf(socket_dir, readers, group=group or usual_group(root))
    _finish(plan_install(conf, root=root), dry_run=dry_run, as_json=as_json)


@command.command(name="uninstall")
@root_option
@dry_run_option
@json_option
def uninstall(root: Path, dry_run: bool, as_json: bool) -> None:
    """Remove what `install` put there; as root."""
    from secmod.reader.driver import plan_uninstall

    _finish(plan_uninstall(root=root), dry_run=dry_run, as_json=as_json)


@command.command(name="status")
@root_option
@json_option
def status(root: Path, as_json: bool) -> None:
    """Say what is installed; exit code 0 if it is this release's driver, else 1."""
    from secmod.reader import driver

    found = driver.status(root=root)
    good = found.driver is not None and found.config is not None and found.ours and found.current
    if as_json:
        print_json(
            {
                "installed": good,
                "driver": str(found.driver) if found.driver else None,
                "config": str(found.config) if found.config else None,
                "ours": found.ours,
                "current": found.current,
                "sentence": found.sentence,
            }
        )
    else:
        click.echo(found.sentence)
    if not good:
        raise click.exceptions.Exit(ExitCode.FAILURE)


__all__ = ["command", "install", "status", "uninstall"]
