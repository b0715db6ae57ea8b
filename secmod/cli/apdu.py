# SPDX-License-Identifier: Apache-2.0
"""`secmod apdu`: sends commands to a card and decodes what it answers."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secmod.cli.exits import ExitCode
from secmod.cli.password import read_secret, secret_options
from secmod.cli.report import json_option, print_json

if TYPE_CHECKING:
    from secmod.apdu import Tlv
    from secmod.transport.base import Transport

_Transmit = Callable[[bytes], bytes]
_Look = Callable[[], Sequence[tuple[bytes, bytes]]]

_NAMES = "tr03109_2"
_BETWEEN_BYTES = re.compile(r"0[xX]|[\s:,-]")


def read_hex(text: str) -> bytes:
    """The bytes of a hex text; spaces, colons, commas, dashes and 0x between them do not matter."""
    digits = _BETWEEN_BYTES.sub("", text)
    try:
        return bytes.fromhex(digits)
    except ValueError:
        raise click.UsageError(f"not hex bytes: {text!r}") from None


def read_commands(words: Sequence[str]) -> list[bytes]:
    """One command per word; words of one byte each are one command that was not quoted.

    Without words, or for `-`, one command per line of standard input; empty lines and lines that begin with # are skipped.
    """
    if not words or list(words) == ["-"]:
        lines = (line.strip() for line in sys.stdin)
        words = [line for line in lines if line and not line.startswith("#")]
    elif all(len(_BETWEEN_BYTES.sub("", word)) <= 2 for word in words):
        words = [" ".join(words)]
    commands = [read_hex(word) for word in words]
    if not all(commands) or not commands:
        raise click.UsageError("no command given: write it in hex, for example `secmod apdu 00A4040C09F05452303331303932`")
    return commands


def _data_objects(data: bytes) -> tuple[Tlv, ...]:
    """The data objects of a response; none if it is not BER-TLV from its first byte to its last."""
    from secmod.apdu import Tlv
    from secmod.errors import TlvError

    try:
        return Tlv.parse_all(data)
    except TlvError:
        return ()


def _tlv_json(objects: tuple[Tlv, ...]) -> list[dict[str, Any]]:
    return [
        {"tag": f"{item.tag:02X}", "children": _tlv_json(item.children)}
        if item.constructed
        else {"tag": f"{item.tag:02X}", "value": item.value.hex().upper()}
        for item in objects
    ]


def _lines(objects: tuple[Tlv, ...], depth: int = 1) -> Iterator[str]:
    for item in objects:
        head = f"{'    ' * depth}{item.tag:02X}  {len(item.value)} byte{'' if len(item.value) == 1 else 's'}"
        if item.constructed:
            yield head
            yield from _lines(item.children, depth + 1)
        else:
            yield f"{head}  {item.value.hex().upper()}"


class Noted:
    """A card's link, and what went over it since the last look."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._exchanges: list[tuple[bytes, bytes]] = []
        self.close = transport.close
        self.reset = transport.reset

    @property
    def atr(self) -> bytes:
        """The answer to reset."""
        return self._transport.atr

    @property
    def protocol(self) -> str:
        """T0 or T1."""
        return self._transport.protocol

    @property
    def name(self) -> str:
        """What a person calls the card."""
        return self._transport.name

    def transmit(self, command: bytes) -> bytes:
        """The card's response."""
        response = self._transport.transmit(command)
        self._exchanges.append((command, response))
        return response

    def look(self) -> list[tuple[bytes, bytes]]:
        """Commands and responses as they went over the link."""
        exchanges, self._exchanges = self._exchanges, []
        return exchanges


def decoded(
    command_bytes: bytes, response: bytes, microseconds: float, protected: Sequence[tuple[bytes, bytes]] = ()
) -> dict[str, Any]:
    """A command and its answer as it is printed, and what went over the link for them if that is something else."""
    from secmod.apdu import INS, ResponseApdu

    answer = ResponseApdu.parse(response)
    ins = command_bytes[1] if len(command_bytes) > 1 else None
    return {
        "command": command_bytes.hex().upper(),
        "name": INS(ins).name.replace("_", " ") if ins in set(INS) else None,
        "data": answer.data.hex().upper(),
        "sw": str(answer.sw),
        "meaning": answer.sw.meaning,
        "error": answer.sw.is_error,
        "microseconds": round(microseconds),
        "tlv": _tlv_json(_data_objects(answer.data)),
        **(
            {"protected": [{"command": sent.hex().upper(), "response": got.hex().upper()} for sent, got in protected]}
            if protected
            else {}
        ),
    }


def _print(result: dict[str, Any]) -> None:
    # Plain lines, however long: hex that is to be copied must not be folded.
    click.echo(f"> {result['command']}" + (f"  {result['name']}" if result["name"] else ""))
    for exchange in result.get("protected", ()):
        click.echo(f"    » {exchange['command']}")
        click.echo(f"    « {exchange['response']}")
    if result["data"]:
        click.echo(f"< {result['data']}")
    click.echo(f"< {result['sw']}  {result['meaning']}  ({result['microseconds']:,} µs)")
    for line in _lines(_data_objects(bytes.fromhex(result["data"]))):
        click.echo(line)


def _known_scheme(_ctx: click.Context, _parameter: click.Parameter, target: str) -> str:
    from secmod.transport import SCHEMES

    scheme, colon, _ = target.partition(":")
    if not colon or scheme not in SCHEMES:
        raise click.BadParameter(f"{target!r} starts with none of {', '.join(f'{name}:' for name in SCHEMES)}")
    return target


@click.command(name="apdu")
@click.argument("apdus", nargs=-1, metavar="[APDU]...")
@click.option(
    "--to",
    "target",
    default="local:open",
    show_default=True,
    callback=_known_scheme,
    help="The card: local:PROFILE, in this process, or pcsc:READER.",
)
@click.option(
    "--pace", "reference", metavar="NAME", help="Open a session by PACE first, with the password of this name: PIN.GW, …"
)
@secret_options()
@click.option("--profile", metavar="NAME|FILE", help="Where --pace finds its names.  [default: the card's own, or tr03109_2]")
@json_option
def command(
    apdus: tuple[str, ...],
    target: str,
    reference: str | None,
    password_file: Path | None,
    password_env: str | None,
    password_fd: int | None,
    profile: str | None,
    as_json: bool,
) -> None:
    """Send command APDUs in hex to one card, one after the other, and decode the answers.

    Spaces, colons, dashes and 0x do not matter. Without APDU the commands are read from standard input, one per line. With
    --pace they travel under secure messaging, and both forms are printed; the password comes from a file, an environment
    variable or a descriptor, or is asked for. The exit code is 1 if the card answered a command with an error.
    """
    from secmod.transport import open_transport

    sources = (password_file, password_env, password_fd)
    if reference is None and any(source is not None for source in sources):
        raise click.UsageError("a password is only for --pace")
    # The password first: both may come from standard input.
    password = b"" if reference is None else read_secret(f"Password {reference}", *sources)
    commands = read_commands(apdus)
    results = []
    with ExitStack() as stack:
        if reference is None:
            transmit: _Transmit = stack.enter_context(closing(open_transport(target))).transmit
            look: _Look = tuple
        else:
            transmit, look = _open_session(stack, target, profile, reference, password)
        for one in commands:
            started = time.perf_counter()
            response = transmit(one)
            results.append(decoded(one, response, (time.perf_counter() - started) * 1e6, look()))
            if not as_json:
                _print(results[-1])
    if as_json:
        print_json(results)
    if any(result["error"] for result in results):
        raise click.exceptions.Exit(ExitCode.FAILURE)


def _open_session(stack: ExitStack, target: str, profile: str | None, reference: str, password: bytes) -> tuple[_Transmit, _Look]:
    """What sends commands in a session that is closed with the stack, and what tells how they looked on the way."""
    from secmod.host import SecurityModule
    from secmod.profile import load_profile
    from secmod.transport import open_transport

    scheme, _, rest = target.partition(":")
    names = load_profile(profile or (rest if scheme == "local" and rest else _NAMES))
    card = Noted(open_transport(target))
    stack.callback(card.close)
    module = stack.enter_context(SecurityModule(card, names))
    module.open_session(password, int(reference, 0) if reference[:1].isdigit() else reference)
    card.look()
    return module.transmit, card.look


__all__ = ["Noted", "command", "decoded", "read_commands", "read_hex"]
