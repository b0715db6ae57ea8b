# SPDX-License-Identifier: Apache-2.0
"""`secmod reader` and `secmod card` against a `secmod serve` that runs, in all its ways."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from secmod.cli.exits import ExitCode
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.vpcd import VpcdListener
from tests.cli.test_serve import ready, serving

SELECT = "00A4000C"
WAIT = ("--wait", "20")


@pytest.fixture(params=["direct", pytest.param("pcscd", marks=pytest.mark.pcsc)])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[list[str], dict[str, str]]]:
    """The words that name the running emulator, and the environment in which programs find its cards."""
    with ExitStack() as stack:
        if request.param == "direct":
            process = stack.enter_context(serving("--direct", "--socket-dir", str(tmp_path), "--profile", "tr03109_2"))
            said = ready(process)
            yield ["--socket-dir", str(tmp_path)], said["env"]
        else:
            pcscd = stack.enter_context(PrivatePcscd())
            directory = str(pcscd.directory)
            process = stack.enter_context(serving("--socket-dir", directory, "--profile", "tr03109_2"))
            said = ready(process)
            yield ["--socket-dir", directory], pcscd.env
        assert said["control"] is not None
        process.terminate()
        _, log = process.communicate(timeout=10)
        assert "Traceback" not in log


def test_a_card_is_taken_out_put_in_exchanged_and_looked_at(secmod: Any, served: tuple[list[str], dict[str, str]]) -> None:
    where, env = served

    def run(*words: str) -> Any:
        done: subprocess.CompletedProcess[str] = secmod(*words, *where, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def apdu() -> int:
        code: int = secmod("apdu", "--to", "pcsc:secmod", SELECT, env=env).returncode
        return code

    while not run("reader", "list")[0]["connected"]:
        pass
    assert run("reader", "eject")["inserted"] is False
    assert apdu() == ExitCode.NO_CARD
    assert run("reader", "insert", *WAIT)["powered"] is True
    assert apdu() == 0
    assert run("card", "swap", "--profile", "open", "--deterministic", "replay", *WAIT)["profile"] == "open"
    assert apdu() == 0
    assert run("card", "clock", "2026-11-23T08:00:00Z")["clock"] == "2026-11-23T08:00:00+00:00"
    state = run("card", "state")
    assert (state["inserted"], state["card"]["session"]) == (True, None)
    assert state["card"]["clock"] == "2026-11-23T08:00:00+00:00"
    assert run("card", "power", "off")["powered"] is False
    assert "has no power" in secmod("card", "reset", *where).stderr
    while secmod("card", "reset", *where).returncode:  # who is slow finds it switched off, as a card that nobody uses
        assert run("card", "power", "on")["inserted"] is True


def test_people_get_tables_and_sentences(secmod: Any, served: tuple[list[str], dict[str, str]]) -> None:
    where, _ = served
    for words, expected in (
        (("reader", "list"), "tr03109_2"),
        (("card", "state"), "PIN.GW"),
        (("card", "clock"), "clock: not set"),
        (("reader", "eject"), "reader 0: empty"),
    ):
        done = secmod(*words, *where)
        assert (done.returncode, expected in done.stdout) == (0, True), (words, done.stdout, done.stderr)
    for words, expected in (
        (("reader", "eject"), "next: `secmod reader insert`"),
        (("card", "power", "on"), "is empty; insert a card first"),
        (("card", "state", "--reader", "7"), "there is no reader 7; the only one is 0"),
    ):
        done = secmod(*words, *where)
        assert (done.returncode, expected in done.stderr) == (ExitCode.NO_CARD, True), (words, done.stdout, done.stderr)
        assert "doctor" not in done.stderr
    assert "powered" in secmod("reader", "insert", *WAIT, *where).stdout
    again = secmod("reader", "insert", *where)
    assert again.returncode == 1
    assert "eject it first" in again.stderr
    assert "Traceback" not in again.stderr


def test_a_card_in_a_vpcd_is_controlled_too(secmod: Any, tmp_path: Path) -> None:
    events: list[str] = []

    def take(card: Any) -> None:
        events.append("in")
        card.power_on()

    with (
        VpcdListener(0, take, lambda: events.append("out")) as listener,
        serving("--vpcd", f"127.0.0.1:{listener.port}", "--socket-dir", str(tmp_path)) as process,
    ):
        assert ready(process)["control"] == str(tmp_path / "control.sock")
        where = ("--socket-dir", str(tmp_path), "--json")
        while not json.loads(secmod("reader", "list", *where).stdout)[0]["powered"]:
            pass
        assert secmod("reader", "eject", *where).returncode == 0
        assert json.loads(secmod("reader", "insert", *WAIT, *where).stdout)["powered"] is True
    assert events[:3] == ["in", "out", "in"]


def test_without_an_emulator_the_next_step_is_named(secmod: Any, tmp_path: Path) -> None:
    done = secmod("reader", "list", "--socket-dir", str(tmp_path))
    assert done.returncode == 1
    assert "secmod serve" in done.stderr


def test_programs_are_served_where_no_control_channel_can_be_had(secmod: Any, tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("not a socket", encoding="utf-8")
    with serving("--direct", "--socket-dir", str(tmp_path)) as process:
        said = ready(process)
        assert said["control"] is None
        assert secmod("apdu", "--to", "pcsc:secmod", SELECT, env=said["env"]).returncode == 0
        process.terminate()
        _, log = process.communicate(timeout=10)
    assert "no control channel" in log
    assert (tmp_path / "control.sock").read_text(encoding="utf-8") == "not a socket"


def test_a_socket_of_strangers_is_not_spoken_to(secmod: Any, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stranger:
        stranger.bind(str(tmp_path / "control.sock"))
        stranger.listen()
        done = secmod("reader", "list", "--socket-dir", str(tmp_path))
    assert done.returncode == 1
    assert "can not be used" in done.stderr


def test_modules_of_a_store_are_exchanged_and_brought_back(secmod: Any, tmp_path: Path) -> None:
    sockets = tmp_path / "sockets"
    where = ("--socket-dir", str(sockets))
    with serving("--direct", *where, "--store", str(tmp_path / "store"), "--modules", "2", "--readers", "2") as process:
        ready(process)
        assert secmod("card", "snapshot", "fresh", *where).stdout == "snapshot fresh\n"
        assert "reader 0: open, powered" in secmod("card", "restore", "fresh", *where).stdout
        assert "module 0: there is no snapshot 'stale'; there are: fresh" in secmod("card", "restore", "stale", *where).stderr
        assert "module 1 is in reader 1" in secmod("card", "swap", "--module", "1", *where).stderr
        assert secmod("reader", "eject", "--reader", "1", *where).returncode == 0
        assert secmod("card", "swap", "--module", "1", *where, *WAIT).returncode == 0
        done = secmod("reader", "insert", "--reader", "1", *where)
        assert (done.returncode, "this card is in reader 0" in done.stderr) == (1, True)
        assert secmod("fault", "add", "storage-full", "ins=put_data", *where).returncode == 0
        process.terminate()
        _, log = process.communicate(timeout=10)
    assert "Traceback" not in log
