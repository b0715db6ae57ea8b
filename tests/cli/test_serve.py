# SPDX-License-Identifier: Apache-2.0
"""`secmod serve` as a process: it says when it is ready, stops when told, and leaves nothing behind."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from secmod.cli import serve
from secmod.cli.exits import ExitCode
from secmod.emulator import build_card
from secmod.reader.pcscd import PrivatePcscd


@contextmanager
def serving(*words: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "secmod", "serve", "--json", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def ready(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The document that `serve --json` prints once it serves."""
    assert process.stdout
    text = ""
    for line in process.stdout:
        text += line
        if line == "}\n":
            break
    parsed: dict[str, Any] = json.loads(text)
    return parsed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_in_order_when_told(tmp_path: Path, number: signal.Signals) -> None:
    with serving("--socket-dir", str(tmp_path), "--readers", "2") as process:
        said = ready(process)
        assert len(said["sockets"]) == 2
        assert bytes.fromhex(said["atr"])[0] == 0x3B
        process.send_signal(number)
        _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "Traceback" not in log
    assert list(tmp_path.iterdir()) == []


def test_programs_are_told_places_that_hold_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with serving("--socket-dir", "sockets", "--store", "store") as process:
        said = ready(process)
    assert said["sockets"] == [str(tmp_path / "sockets" / "reader0.sock")]
    assert (said["control"], said["store"]) == (str(tmp_path / "sockets" / "control.sock"), str(tmp_path / "store"))


def test_it_does_not_outlive_its_parent(tmp_path: Path) -> None:
    with serving("--socket-dir", str(tmp_path), "--until-eof") as process:
        ready(process)
        process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.mark.pcsc
def test_a_second_emulator_on_the_same_socket_is_refused(secmod: Any) -> None:
    with PrivatePcscd() as pcscd:
        words = ("--socket-dir", str(pcscd.directory))
        with serving(*words) as first:
            ready(first)
            answer = secmod("apdu", "--to", "pcsc:secmod reader 0", "0084000008", env=pcscd.env)
            while answer.returncode == ExitCode.NO_CARD:  # it is connected when the card can be asked
                answer = secmod("apdu", "--to", "pcsc:secmod reader 0", "0084000008", env=pcscd.env)
            second = secmod("serve", *words)
            assert second.returncode == 1
            assert str(first.pid) in second.stderr
            assert "Traceback" not in second.stderr
            answer = secmod("apdu", "--to", "pcsc:secmod reader 0", "0084000008", env=pcscd.env)
            assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("profile", ["nonsense", "/nothing/here.toml"])
def test_a_profile_that_is_not_there_is_a_sentence(secmod: Any, tmp_path: Path, profile: str) -> None:
    done = secmod("serve", "--profile", profile, "--socket-dir", str(tmp_path))
    assert done.returncode == 1
    assert profile in done.stderr
    assert "Traceback" not in done.stderr


def test_a_typo_in_a_profile_is_named(secmod: Any, tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text('extends = "open"\n\n[profile]\nname = "mine"\nversoin = "1"\n', encoding="utf-8")
    done = secmod("serve", "--profile", str(profile), "--socket-dir", str(tmp_path))
    assert done.returncode == 1
    assert "versoin" in done.stderr
    assert "mine.toml" in done.stderr


def test_deterministic_cards_are_announced_loudly_and_differ(tmp_path: Path) -> None:
    with serving("--socket-dir", str(tmp_path), "--until-eof", "--readers", "2", "--deterministic", "replay") as process:
        assert ready(process)["deterministic"] is True
        _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "WARNING" in log
    assert "DETERMINISTIC: every key and random number" in log


def test_without_it_nothing_is_said(tmp_path: Path) -> None:
    with serving("--socket-dir", str(tmp_path), "--until-eof") as process:
        assert ready(process)["deterministic"] is False
        _, log = process.communicate(timeout=10)
    assert "DETERMINISTIC" not in log


def test_the_same_seed_makes_the_same_card() -> None:
    def answers(seed: bytes) -> bytes:
        card = build_card("open", deterministic_seed=seed)
        card.power_on()
        return card.transmit(bytes.fromhex("0084000010")) + card.transmit(bytes.fromhex("0046C08100"))

    assert answers(serve._seed("replay", 0)) == answers(b"replay")
    assert len({answers(serve._seed("replay", number)) for number in range(3)}) == 3


@pytest.mark.parametrize("seed", ["", "x" * 257])
def test_a_seed_of_a_wrong_length_is_exit_code_2(secmod: Any, seed: str, tmp_path: Path) -> None:
    done = secmod("serve", "--deterministic", seed, "--socket-dir", str(tmp_path))
    assert done.returncode == 2
    assert "1 to 256 bytes" in done.stderr


def test_direct_serves_programs_without_pcscd(secmod: Any, tmp_path: Path) -> None:
    with serving("--direct", "--readers", "2", "--socket-dir", str(tmp_path)) as process:
        said = ready(process)
        assert said["env"] == {"PCSCLITE_CSOCK_NAME": str(tmp_path / "pcscd.comm")}
        for reader in ("secmod reader 0 00 00", "secmod reader 1 01 00"):
            answer = secmod("apdu", "--to", f"pcsc:{reader}", "0084000008", env=said["env"])
            assert answer.returncode == 0, answer.stderr
        second = secmod("serve", "--direct", "--socket-dir", str(tmp_path))
        assert second.returncode == 1
        assert "another process listens on" in second.stderr
        process.send_signal(signal.SIGTERM)
        _, log = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "PCSCLITE_CSOCK_NAME=" in log
    assert "Traceback" not in log
    assert list(tmp_path.iterdir()) == []
    answer = secmod("apdu", "--to", "pcsc:secmod", "0084000008", env=said["env"])
    assert answer.returncode == ExitCode.NO_CARD


def test_one_plays_a_card_in_the_reader_of_another(secmod: Any, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serving("--direct", "--card", f"vpcd:{port}", "--socket-dir", str(tmp_path)) as reader:
        env = ready(reader)["env"]
        assert secmod("apdu", "--to", "pcsc:secmod", "0084000008", env=env).returncode == ExitCode.NO_CARD
        with serving("--vpcd", f"127.0.0.1:{port}") as card:
            assert ready(card)["vpcd"] == [f"127.0.0.1:{port}"]
            while (answer := secmod("apdu", "--to", "pcsc:secmod", "0084000008", env=env)).returncode == ExitCode.NO_CARD:
                pass  # it comes as soon as it is connected
            assert answer.returncode == 0, answer.stderr
            card.send_signal(signal.SIGTERM)
            _, log = card.communicate(timeout=10)
            assert (card.returncode, "Traceback" in log) == (0, False)
        while (answer := secmod("apdu", "--to", "pcsc:secmod", "0084000008", env=env)).returncode == 0:
            pass
        assert answer.returncode == ExitCode.NO_CARD
        reader.send_signal(signal.SIGTERM)
        _, log = reader.communicate(timeout=10)
    assert (reader.returncode, "Traceback" in log) == (0, False)


@pytest.mark.parametrize(
    "words",
    [
        ("--direct", "--vpcd"),
        ("--card", "vpcd:4711", "--vpcd"),
        ("--group", "root"),
        ("--card", "usb:1"),
        ("--card", "vpcd:port"),
        ("--direct", "--readers", "17"),
    ],
)
def test_options_that_do_not_go_together(secmod: Any, words: tuple[str, ...]) -> None:
    done = secmod("serve", *words)
    assert done.returncode == ExitCode.USAGE
    assert "--help" in done.stderr


@pytest.mark.parametrize("address", ["here:0", "here:port"])
def test_an_address_of_no_vpcd(secmod: Any, address: str) -> None:
    done = secmod("serve", "--vpcd", address)
    assert done.returncode == 1
    assert "is no address of a vpcd" in done.stderr
