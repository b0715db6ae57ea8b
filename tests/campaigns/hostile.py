# SPDX-License-Identifier: Apache-2.0
"""Malformed frames by the million to driver and emulator, under sanitizers in the long form; strays; card processes that hang."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from secmod.reader.direct import SOCKET_NAME
from secmod.reader.direct.server import UNUSED_AFTER
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from secmod.reader.vpcd import HOST
from tests.campaigns import hostile_peers as peers
from tests.campaigns.programs import (
    ROOT,
    SANITIZED_RUN,
    client_program,
    hostile_card,
    hostile_service,
    sanitized_driver,
    sanitized_env,
    sanitized_package,
    sanitizer_library,
)
from tests.campaigns.report import Report, main
from tests.pcsc.client import OK, CClient
from tests.pcsc.hangs import DEADLINE, KINDS, PATIENCE, Process, await_card, play
from tests.reader.cards import ReaderTestCard

COMMAND = b"\0\x84\0\0"
_MARGIN = 20.0  # s beside a deadline of tenths: a loaded machine is no finding


def _progress(report: Report, what: str, count: int) -> Callable[[int], None]:
    return lambda done: report.progress(f"{what}: {done:,} of {count:,}")


def _cards(report: Report, what: str, sockets: list[Path], count: int) -> tuple[int, bool]:
    """A raving card process at each socket: frames in all, and whether each came to its end."""
    share = -(-count // len(sockets))
    with ExitStack() as stack:
        running = [
            stack.enter_context(
                subprocess.Popen([hostile_card(), path, str(share), str(seed)], stdout=subprocess.PIPE, text=True)
            )
            for seed, path in enumerate(sockets, 1)
        ]
        for line in running[0].stdout:
            report.progress(f"{what}: {int(line.split()[0]) * len(sockets):,} of {count:,}")
            last = line
        lines = [last, *(process.stdout.read().splitlines()[-1] for process in running[1:])]
        ended = all(process.wait() == 0 for process in running)
    return sum(sum(map(int, line.split())) for line in lines), ended


def _driver_alone(report: Report, count: int) -> None:
    readers = 4
    with tempfile.TemporaryDirectory(prefix="secmod-hostile-") as name:
        arguments = [hostile_service(), name, str(readers), "1"]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(arguments, env={**os.environ, **SANITIZED_RUN}, **pipes) as service:
            assert service.stdout.readline() == "ready\n"
            frames, ended = _cards(report, "driver alone", [Path(name, f"reader{i}.sock") for i in range(readers)], count)
            out, err = service.communicate("")
        calls = int(out.split()[0]) if out else 0
        report.row("driver alone: malformed frames", frames, ok=ended and frames >= count)
        report.row("driver alone: calls meanwhile", calls)
        report.row(
            "driver alone: reports of the sanitizers",
            "none" if service.returncode == 0 else err[-500:],
            ok=not service.returncode,
        )


@contextmanager
def _asking(env: dict[str, str], readers: int) -> Iterator[list[int]]:
    """Two programs that connect and transmit, whatever comes; yields how many commands were tried."""
    over, tried = threading.Event(), [0]

    def ask(first: int) -> None:
        with CClient(client_program(), env) as client:
            for number in itertools.cycle(range(first, readers, 2)):
                if over.is_set():
                    return
                if client.connect(f"secmod reader {number} {number:02X} 00")[0] == OK:
                    for _ in range(3):
                        tried[0] += 1
                        if client.transmit(COMMAND)[0] != OK:
                            break
                    client.disconnect()

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield tried
    finally:
        over.set()
        for thread in threads:
            thread.join()


def _driver_in_pcscd(report: Report, count: int) -> None:
    readers = 16
    env = {"SECMOD_PRELOAD": sanitizer_library(), **SANITIZED_RUN}
    settings = {"driver": sanitized_driver(), "deadline_ms": 20, "patience_ms": 50, "daemon_env": env}
    with PrivatePcscd(readers=readers, **settings) as pcscd:
        pid = pcscd.pid
        with _asking(pcscd.env, readers) as tried:
            frames, ended = _cards(report, "driver in pcscd", list(pcscd.sockets), count)
        report.row("driver in pcscd: malformed frames", frames, ok=ended and frames >= count)
        report.row("driver in pcscd: commands of programs meanwhile", tried[0])
        away = peers.strays(lambda: _connected(socket.SOCK_SEQPACKET, pcscd.sockets[0]))
        report.row("driver in pcscd: stray connections", 1000, f"({away} turned away)")
        log = pcscd.log
        clean = "Sanitizer" not in log and "runtime error" not in log
        report.row("driver in pcscd: reports of the sanitizers", "none" if clean else "see its log", ok=clean)
        same = pcscd.running and pcscd.pid == pid
        report.row("driver in pcscd: pcscd lives, and is the same", "yes" if same else "no", ok=same)
        works = _answers(pcscd, 0)
        report.row("driver in pcscd: a card works afterwards", "yes" if works else "no", ok=works)


def _connected(kind: socket.SocketKind, path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, kind)  # blocking: it waits for its turn
    try:
        sock.connect(str(path))
    except OSError:
        sock.close()
        raise
    return sock


def _answers(pcscd: PrivatePcscd, number: int) -> bool:
    reader = f"secmod reader {number} {number:02X} 00"
    with CClient(client_program(), pcscd.env) as client, Server([Slot(ReaderTestCard(), pcscd.sockets[number])]) as server:
        server.wait_connected(20)
        await_card(client, reader)
        return client.connect(reader)[0] == OK and client.transmit(COMMAND) == (OK, b"\x90\0")


@contextmanager
def _emulator(long: bool, *words: str) -> Iterator[subprocess.Popen[str]]:
    """`secmod serve`, in the long form with its native core under sanitizers; ends with the context, and by itself never."""
    home, env = (sanitized_package(), sanitized_env()) if long else (ROOT, dict(os.environ))
    with tempfile.TemporaryFile("w+") as log:
        command = [sys.executable, "-m", "secmod", "serve", "--profile", "tr03109_2", *words]
        process = subprocess.Popen(command, cwd=home, env=env, stderr=log, stdout=subprocess.DEVNULL, text=True)
        try:
            yield process
            assert process.poll() is None, "the emulator has ended"
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0, "the emulator does not end well"
        finally:
            process.kill()
            process.wait()
            log.seek(0)
            said = log.read()
            assert "Sanitizer" not in said and "runtime error" not in said, said[-3000:]  # noqa: PT018


def _emulator_alone(report: Report, count: int, *, long: bool) -> None:
    home, env = (sanitized_package(), sanitized_env()) if long else (ROOT, dict(os.environ))
    command = [sys.executable, "-m", "tests.campaigns.hostile_slot", str(count), "1"]
    line = ""
    with subprocess.Popen(command, cwd=home, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            report.progress(f"emulator alone: {line.split()[0]} of {count:,}")
        error = process.stderr.read()
    good = process.returncode == 0
    report.row("emulator alone: malformed frames", count, f"(answered, refused: {line.strip()})", ok=good)
    report.row("emulator alone: reports and unexpected exceptions", "none" if good else error[-1500:], ok=good)


def _emulator_over_sockets(report: Report, count: int, *, long: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="secmod-hostile-") as name:
        with _emulator(long, "--socket-dir", name):
            few = max(300, count // 50)  # each that is no frame ends the link, and 20 ms go by
            sent = peers.raving_driver(Path(name, "reader0.sock"), few, 1, _progress(report, "emulator, link", few))
        report.row("emulator over its link: malformed frames", sent, ok=sent >= few)
        with _emulator(long, "--direct", "--socket-dir", name):
            path = Path(name, SOCKET_NAME)
            env = {"PCSCLITE_CSOCK_NAME": str(path)}
            while not path.is_socket():
                pass
            sent = peers.raving_programs(path, count, 1, _progress(report, "direct", count))
            report.row("direct: malformed messages of programs", sent, ok=sent >= count)
            away = peers.strays(lambda: _connected(socket.SOCK_STREAM, path))
            report.row("direct: stray connections", 1000, f"({away} turned away)")
            time.sleep(UNUSED_AFTER + 1)  # so long a card keeps the protocol that somebody has chosen
            with CClient(client_program(), env) as client:
                works = client.connect(peers.READER.decode())[0] == OK and client.transmit(COMMAND)[0] == OK
            report.row("direct: a card works afterwards", "yes" if works else "no", ok=works)
        with socket.create_server((HOST, 0)) as listener:
            address = f"{HOST}:{listener.getsockname()[1]}"
            with _emulator(long, "--vpcd", address, "--socket-dir", name):
                sent = peers.raving_vpcd(listener, count, 1, _progress(report, "vpcd", count))
        report.row("our card in a raving vpcd: malformed messages", sent, ok=sent >= count)
    sent = peers.raving_vpcd_cards(count, 1, _progress(report, "vpcd listener", count))
    report.row("vpcd listener: malformed messages of cards", sent, ok=sent >= count)


def _hangs(report: Report, *, long: bool) -> None:
    for kind in KINDS if long else ():  # the short form has a test for each
        seen = play(kind, client_program(), 5000)
        ended = max(seen.transmit[1], seen.connect[1])
        good = seen.same_daemon and seen.works_again and ended < PATIENCE + _MARGIN
        report.row(f"card process, {kind}: the longer of SCardTransmit and SCardConnect", round(ended, 2), "s", ok=good)
        others = f"{seen.before[0]:.0f} and {seen.before[1]:.0f}, meanwhile {seen.meanwhile[0]:.0f} and {seen.meanwhile[1]:.0f}"
        report.row("    the other reader, median and 99th percentile before", others, "µs")
    report.row("deadline and patience of the driver", f"{DEADLINE} and {PATIENCE}", "s")


def _restarts(report: Report, count: int) -> None:
    """Either side, in turn; the card of a process that stays keeps its state."""
    with ExitStack() as stack:
        pcscd = stack.enter_context(PrivatePcscd())
        card = ReaderTestCard()
        with Server([Slot(card, pcscd.sockets[0])]) as server:
            for number in range(count):
                pcscd.stop(signal.SIGTERM if number % 2 else signal.SIGKILL)
                pcscd.start()
                server.wait_connected(20)
                report.progress(f"restarts of pcscd: {number:,} of {count:,}")
            with CClient(client_program(), pcscd.env) as client:
                await_card(client, "secmod reader 0 00 00")
                good = client.connect("secmod reader 0 00 00")[0] == OK and client.transmit(COMMAND) == (OK, b"\x90\0")
        report.row("restarts of pcscd", count, ok=good)
        pid, good = pcscd.pid, True
        with CClient(client_program(), pcscd.env) as client:
            for number in range(count):
                with Process("killed", pcscd.sockets[0]) as process:
                    await_card(client, "secmod reader 0 00 00")
                    good &= client.connect("secmod reader 0 00 00")[0] == OK and client.transmit(COMMAND) == (OK, b"\x90\0")
                    process.fail()
                client.watch("secmod reader 0 00 00")
                client.disconnect()
                report.progress(f"restarts of the card process: {number:,} of {count:,}")
        report.row("restarts of the card process, by kill -9", count, ok=good and pcscd.running and pcscd.pid == pid)


def campaign(report: Report, *, long: bool) -> None:
    """All of it."""
    million = 1_000_000 if long else 300
    _driver_alone(report, million)
    _driver_in_pcscd(report, million)
    _emulator_alone(report, million if long else 3000, long=long)
    _emulator_over_sockets(report, million, long=long)
    _hangs(report, long=long)
    _restarts(report, 100 if long else 5)


if __name__ == "__main__":
    main("malformed frames, strays and hangs", campaign)
