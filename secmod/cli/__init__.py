# SPDX-License-Identifier: Apache-2.0
"""The command line: `secmod VERB`.

serve    the emulator process: cards behind the reader driver
store    looks at a store, backs it up, changes its key
demo     the way of a signature through a real pcscd, checked by OpenSSL
apdu     sends commands to a card and decodes what it answers
reader   puts cards into the readers of the emulator that runs, and takes them out
card     looks at a card of the emulator, exchanges it, resets it
fault    lets the cards of the emulator that runs misbehave
driver   puts the reader driver into pcscd's directories, or takes it out
doctor   finds what is missing or wrong, with the command that mends it

control  how verbs reach the emulator that runs
password where a verb gets a secret from
storing  the options that name a store and its key
exits    how verbs end: exit codes, and the sentence for an error
report   how results are printed: tables for people, JSON for programs
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from secmod.cli import exits

VERBS = ("serve", "store", "demo", "apdu", "reader", "card", "fault", "driver", "doctor")

EPILOG = """\b
Exit codes:
  0    done
  1    it failed; standard error says why and what to do next
  2    the command line is wrong
  3    no reader, or no card in it
  130  interrupted"""


class _Verbs(click.Group):
    """Loads the module of a verb only when the verb is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in VERBS:
            return None
        command: click.Command = import_module(f"secmod.cli.{cmd_name}").command
        return command


def _print_versions(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    from secmod.cli.versions import versions

    for name, version in versions().items():
        click.echo(f"{name} {version}")
    ctx.exit()


@click.group(
    cls=_Verbs,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_versions, help="Print all versions.")
def cli() -> None:
    """A smart meter gateway's security module in software, behind a real PC/SC reader driver.

    Results are printed on standard output, everything else on standard error.
    """


def main() -> None:
    """Runs the verb on the command line and exits with its code; every expected error is one sentence on standard error."""
    try:
        code = cli.main(prog_name="secmod", standalone_mode=False)
    except Exception as error:
        explanation = exits.explain(error)
        if explanation is None:
            raise
        explanation.print()
        sys.exit(explanation.code)
    except KeyboardInterrupt:
        sys.exit(exits.ExitCode.INTERRUPTED)
    sys.exit(code)


__all__ = ["VERBS", "cli", "main"]
