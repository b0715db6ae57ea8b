# SPDX-License-Identifier: Apache-2.0
"""`secmod serve`: the emulator process. It plays the cards; programs reach them in one of three ways.

Through the reader driver inside pcscd; with --direct through this process itself, which then speaks pcscd's protocol; with --vpcd
through somebody's vpcd. With --card the cards are not ours, but others' that connect as they would to a vpcd.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from secmod.cli.report import json_option, print_json
from secmod.cli.storing import key_source, store_options

if TYPE_CHECKING:
    from secmod.emulator import Modules
    from secmod.reader.control import Control, Wish
    from secmod.reader.direct import DirectServer
    from secmod.reader.faults import Faults
    from secmod.reader.server import Server
    from secmod.reader.slot import Card, Slot
    from secmod.reader.vpcd import VpcdServer
    from secmod.store import Durability

_log = logging.getLogger("secmod.serve")

MOST_READERS = 16  # pcscd's limit
MOST_MODULES = 100_000
_LONGEST_SEED = 256


def _stop_when_told(stop: Callable[[], None], *, until_eof: bool) -> None:
    """Has `stop` called at SIGTERM, at SIGINT and, if so wished, at the end of standard input."""

    def handler(_number: int, _frame: object) -> None:
        # In a thread of its own: a signal may come while this one holds what `stop` waits for.
        threading.Thread(target=stop).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handler)
    if until_eof:
        threading.Thread(target=_at_end_of_input, args=(stop,), daemon=True).start()


def _at_end_of_input(stop: Callable[[], None]) -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    stop()


def _seed(text: str | None, number: int) -> bytes | None:
    """What the card in a reader is seeded with: in reader 0 the text itself, as for a card made elsewhere; the others differ."""
    if text is None:
        return None
    seed = (text if number == 0 else f"{text}/{number}").encode()
    if not 1 <= len(seed) <= _LONGEST_SEED:
        raise click.BadParameter(f"a seed has 1 to {_LONGEST_SEED} bytes", param_hint="--deterministic")
    return seed


@click.command(name="serve")
@click.option("--profile", metavar="NAME|FILE", default="open", show_default=True, help="The card: built-in, or a .toml file.")
@click.option("--readers", type=click.IntRange(1, MOST_READERS), default=1, show_default=True, help="Readers, a card in each.")
@store_options(required=False)
@click.option(
    "--modules", type=click.IntRange(1, MOST_MODULES), help="Modules in the store; the first ones are put into the readers."
)
@click.option(
    "--durability",
    type=click.Choice(["full", "fast"]),
    default="full",
    show_default=True,
    help="full: on the disk before the answer. fast: outlives this process; a power cut of the machine loses the last changes.",
)
@click.option("--protocol", type=click.Choice(["T0", "T1"]), default="T1", show_default=True, help="Of the cards.")
@click.option("--direct", is_flag=True, help="Be the PC/SC service: no pcscd, no driver, no root.")
@click.option(
    "--vpcd",
    metavar="[HOST:PORT]",
    is_flag=False,
    flag_value="127.0.0.1:35963",
    help="Play the cards in this vpcd (PORT, PORT+1, …).",
)
@click.option("--card", metavar="vpcd:PORT", help="Cards are others' that connect to 127.0.0.1:PORT, PORT+1, … as to a vpcd.")
@click.option(
    "--socket-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the driver listens, or --direct does.  [default: /run/secmod for root, $XDG_RUNTIME_DIR/secmod otherwise]",
)
@click.option(
    "--deterministic",
    "seed",
    metavar="SEED",
    help="Make every random number and key from this text, to replay a session. Nothing such a card holds is secret.",
)
@click.option(
    "--faults", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Let the cards misbehave as planned."
)
@click.option("--latency", metavar="CHIP|FILE", help="Take the time of a real chip, as jcop_j2e145g or infineon_jtop.")
@click.option("--group", help="With --direct: who may use the cards besides root and you.")
@click.option("--until-eof", is_flag=True, help="Stop also when standard input ends: a parent process can not leave it behind.")
@click.option("--verbose", "-v", is_flag=True, help="Log every command and response.")
@json_option
def command(
    profile: str,
    readers: int,
    protocol: str,
    direct: bool,
    vpcd: str | None,
    card: str | None,
    socket_dir: Path | None,
    faults: Path | None,
    latency: str | None,
    group: str | None,
    seed: str | None,
    until_eof: bool,
    verbose: bool,
    as_json: bool,
    modules: int | None,
    durability: Durability,
    store: Path | None,
    **key: Any,
) -> None:
    """Play cards until SIGTERM or SIGINT.

    The driver, loaded by pcscd, listens on one socket per reader; this process connects to it, now or as soon as pcscd runs.
    Either may be restarted: the card is taken out and put in again.

    With --direct programs need neither: they find this process when PCSCLITE_CSOCK_NAME names its socket.

    Without --store cards forget everything at the end. With it every change is stored before it is acknowledged.
    """
    from secmod.reader.control import Control

    if (direct and vpcd) or (card and (vpcd or seed is not None)) or (group and not direct):
        raise click.UsageError(
            "--vpcd goes with neither --direct nor --card, --deterministic not with --card, --group with --direct only"
        )
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
    )
    if store is None and (modules is not None or durability != "full" or any(value is not None for value in key.values())):
        raise click.UsageError("--modules, --durability, --key-file and --passphrase-… go with --store only")
    if store is not None and (card or seed is not None):
        raise click.UsageError("--store goes neither with --card nor with --deterministic, whose secrets could be foretold")
    first_port = _first_port(card)
    if store is not None:
        store = store.absolute()
    with ExitStack() as stack:
        kept = None if store is None else _modules(stack, store, max(modules or 0, readers), profile, protocol, durability, key)
        slots = _slots(profile, protocol, readers, _directory(socket_dir), seed=seed, ours=first_port is None, kept=kept)
        server, where = _server(slots, _directory(socket_dir), vpcd=vpcd, group=group, direct=direct)
        plan = None if faults is None else _load_faults(server, faults)
        if latency is not None:
            _set_latency(server, latency, seed)
        _stop_when_told(server.stop, until_eof=until_eof)
        stack.enter_context(server)
        controller = Control(server, _card_maker(profile, protocol, card, kept, slots), plan)
        control = _open_control(stack, server, _directory(socket_dir), group, controller)
        if first_port is not None:
            _listen_for_cards(stack, server, first_port, readers)
        if as_json:
            atr = slots[0].card.atr.hex().upper()
            facts = {"profile": None if card else profile, "protocol": protocol, "atr": atr, "control": control, **where}
            kept_facts = {} if kept is None else {"store": str(store), "modules": len(kept), "durability": durability}
            print_json({**facts, **kept_facts, "deterministic": seed is not None})
            sys.stdout.flush()
        _log.info("%d reader(s) with card %r (%s)", readers, card or profile, protocol)
        if kept is not None:
            _log.info("%d module(s) are kept in %s", len(kept), store)
        if seed is not None:
            _log.warning("DETERMINISTIC: every key and random number of these cards can be foretold; for replaying sessions only")
        for sentence in _how_to_reach(where):
            _log.info("%s", sentence)
        server.wait()
    _log.info("stopped")


def _directory(chosen: Path | None) -> Path:
    from secmod.reader.link import socket_directory

    return (chosen or socket_directory()).absolute()


def _first_port(card: str | None) -> int | None:
    """The port of `--card vpcd:PORT`."""
    from secmod.reader.vpcd import PORT, parse_address

    if card is None:
        return None
    scheme, _, port = card.partition(":")
    if scheme != "vpcd" or (port and not port.isdecimal()):
        raise click.BadParameter("write vpcd:PORT, for example vpcd:35963", param_hint="--card")
    return parse_address(port)[1] if port else PORT


def _modules(
    stack: ExitStack,
    path: Path,
    count: int,
    profile: str,
    protocol: str,
    durability: Durability,
    key: dict[str, Any],
) -> Modules:
    """The modules of the store, which is open until the stack is left."""
    from secmod.emulator import Modules
    from secmod.store import Store

    store = stack.enter_context(Store.open(path, key_source(**key), durability=durability))
    return Modules(store, max(count, len(store.numbers)), profile, protocol)


def _slots(
    profile: str, protocol: str, readers: int, directory: Path, *, seed: str | None, ours: bool, kept: Modules | None
) -> list[Slot]:
    from secmod.emulator import build_card
    from secmod.reader.driver import socket_name
    from secmod.reader.slot import Slot
    from secmod.reader.vpcd import NoCard

    addresses = [directory / socket_name(number) for number in range(readers)]
    if kept is not None:
        return [Slot(card, address) for card, address in zip(kept, addresses, strict=False)]
    if ours:
        return [
            Slot(build_card(profile, protocol, deterministic_seed=_seed(seed, number)), address)
            for number, address in enumerate(addresses)
        ]
    return [Slot(NoCard(), address, inserted=False) for address in addresses]


def _server(
    slots: Sequence[Slot], directory: Path, *, vpcd: str | None, group: str | None, direct: bool
) -> tuple[Server | DirectServer | VpcdServer, dict[str, Any]]:
    """What brings the cards to programs, and where they are found, for `--json`."""
    if direct:
        from secmod.reader.direct import SOCKET_NAME, DirectServer

        server = DirectServer(slots, directory / SOCKET_NAME, group=group)
        return server, {"sockets": [str(server.path)], "env": server.env}
    if vpcd is not None:
        from secmod.reader.vpcd import VpcdServer, parse_address

        host, port = parse_address(vpcd)
        return VpcdServer(slots, host, port), {"sockets": [], "vpcd": [f"{host}:{port + number}" for number in range(len(slots))]}
    from secmod.reader.server import Server

    return Server(slots), {"sockets": [str(slot.address) for slot in slots]}


def _listen_for_cards(stack: ExitStack, server: Server | DirectServer | VpcdServer, port: int, readers: int) -> None:
    from secmod.reader.vpcd import VpcdListener

    for number in range(readers):
        stack.enter_context(VpcdListener(port + number, partial(server.insert, number), partial(server.eject, number)))


def _card_maker(
    profile: str, protocol: str, card: str | None, kept: Modules | None, slots: Sequence[Slot]
) -> Callable[[Wish], Card] | None:
    """What makes the cards that are asked for on the control channel; None if the cards are others'."""
    from secmod.emulator import build_card

    if card is not None:
        return None
    if kept is not None:
        return partial(_module_for, kept, slots)
    return lambda wish: build_card(wish.profile or profile, protocol, deterministic_seed=wish.seed)


def _module_for(kept: Modules, slots: Sequence[Slot], wish: Wish) -> Card:
    """The module of the store that is wished for."""
    from secmod.errors import ControlError

    if wish.profile is not None or wish.seed is not None:
        raise ControlError("the cards are kept in a store, which knows their profile, and are not deterministic; name a module")
    number = wish.reader if wish.module is None else wish.module
    if number >= len(kept):
        raise ControlError(f"there is no module {number}; the store has {len(kept)}: start `secmod serve` with more --modules")
    for reader, slot in enumerate(slots):
        if slot.card is kept[number] and slot.inserted and reader != wish.reader:
            raise ControlError(f"module {number} is in reader {reader}; eject it there first")
    return kept[number]


def _load_faults(server: Server | DirectServer | VpcdServer, path: Path) -> Callable[[], Faults]:
    from secmod.reader.faults import Faults

    faults = Faults(server)
    faults.load(path.read_text(encoding="utf-8", errors="replace"), path.name)
    _log.warning("FAULTS: the cards misbehave as %s says; `secmod fault list` shows how far it has come", path)
    return lambda: faults


def _set_latency(server: Server | DirectServer | VpcdServer, name: str, seed: str | None) -> None:
    from secmod.reader.latency import load_chip, set_latency

    set_latency(server, load_chip(name), seed or "")


def _open_control(
    stack: ExitStack,
    server: Server | DirectServer | VpcdServer,
    directory: Path,
    group: str | None,
    control: Control,
) -> str | None:
    """The control channel's socket; None, and a warning, if it can not be had: programs are served all the same."""
    from secmod.errors import LinkError
    from secmod.reader.control import SOCKET_NAME, ControlServer

    path = directory / SOCKET_NAME
    try:
        stack.enter_context(ControlServer(control, path, group=group or _group_of(server.slots[0].address)))
    except LinkError as error:
        _log.warning("no control channel (`secmod reader`, `card`, `fault`): %s", error)
        return None
    return str(path)


def _group_of(data_socket: Path) -> str | None:
    """The group that may use the driver's socket, if it is there and has one: the control channel is for the same."""
    try:
        found = data_socket.lstat()
    except OSError:
        return None
    return str(found.st_gid) if stat.S_ISSOCK(found.st_mode) and found.st_mode & 0o060 == 0o060 else None


def _how_to_reach(where: dict[str, Any]) -> list[str]:
    if "env" in where:
        (path,) = where["sockets"]
        return [f"programs reach them with PCSCLITE_CSOCK_NAME={path} in their environment; Ctrl-C stops"]
    if "vpcd" in where:
        return [f"the vpcd at {', '.join(where['vpcd'])} shows them to programs; Ctrl-C stops"]
    first, *_ = where["sockets"]
    return [
        f"sockets in {Path(first).parent}",
        "programs reach them through a pcscd that has our driver (`secmod doctor` looks), or use --direct; Ctrl-C stops",
    ]


__all__ = ["command"]
