# SPDX-License-Identifier: Apache-2.0
"""The driver in a pcscd as hardened as newer packages have it: another user, a read-only machine, few system calls."""

from __future__ import annotations

import ctypes.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from secmod.reader.driver import driver_path
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from tests.pcsc import client as c
from tests.pcsc.client import CClient
from tests.reader.cards import ReaderTestCard

READER = "secmod reader 0 00 00"
USER, GROUP = 64_999, 64_998
SANDBOX = Path(__file__).with_name("sandbox.py")
COMMAND = bytes.fromhex("00840000")

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user"),
    pytest.mark.skipif(
        shutil.which("systemd-analyze") is None or ctypes.util.find_library("seccomp") is None,
        reason="systemd-analyze and libseccomp2 are needed: they say and do what a unit does",
    ),
]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory below /run, as /run/secmod is: the group's, and what is made in it is the group's too."""
    with tempfile.TemporaryDirectory(prefix="secmod-test-", dir="/run") as name:
        place = Path(name)
        os.chown(place, 0, GROUP)
        place.chmod(0o3775)
        shutil.copy(driver_path(), place / "driver.so")  # where it was built is hidden
        yield place
        (place / "reader0.sock").unlink(missing_ok=True)


def launcher(place: Path) -> list[str]:
    return [sys.executable, "-I", str(SANDBOX), str(USER), str(USER), str(GROUP), str(place)]


@pytest.fixture
def start(place: Path, stack: ExitStack, monkeypatch: pytest.MonkeyPatch) -> Callable[..., PrivatePcscd]:
    account = pwd.struct_passwd(("pcscd", "x", USER, USER, "", "/", "/bin/false"))
    monkeypatch.setattr(pwd, "getpwnam", {"pcscd": account}.__getitem__)  # the card process trusts this account

    def start(group: str | None = str(GROUP)) -> PrivatePcscd:
        settings = {"driver": place / "driver.so", "group": group, "launcher": launcher(place)}
        return stack.enter_context(PrivatePcscd(place, **settings))

    return start


def status_of(pcscd: PrivatePcscd) -> dict[str, str]:
    lines = Path(f"/proc/{pcscd.pid}/status").read_text(encoding="ascii").splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def serves(pcscd: PrivatePcscd, client: CClient) -> None:
    client.watch(READER)
    with Server([Slot(ReaderTestCard(), pcscd.sockets[0])]) as server:
        server.wait_connected(20)
        if not client.state(f"watch {READER}").present:
            client.wait_for(present=True)
        assert client.connect(READER)[0] == c.OK
        assert client.transmit(COMMAND) == (c.OK, b"\x90\x00")
        client.disconnect()


def test_the_driver_serves_in_the_sandbox(
    start: Callable[..., PrivatePcscd], start_client: Callable[[PrivatePcscd], CClient]
) -> None:
    pcscd = start()
    status = status_of(pcscd)
    assert (status["Seccomp"], status["NoNewPrivs"], status["CapBnd"]) == ("2", "1", "0000000000000000")
    assert status["Uid"].split() == [str(USER)] * 4
    found = pcscd.sockets[0].stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (USER, GROUP, 0o660)
    client = start_client(pcscd)
    pid = pcscd.pid
    for _ in range(3):
        serves(pcscd, client)
    assert pcscd.running
    assert pcscd.pid == pid


def test_a_directory_of_another_group_leaves_an_empty_reader_and_a_sentence(
    start: Callable[..., PrivatePcscd], place: Path, start_client: Callable[[PrivatePcscd], CClient]
) -> None:
    place.chmod(0o1777)  # no set-group-ID: the socket would have to be given away, for which pcscd would be killed
    pcscd = start()
    client = start_client(pcscd)
    assert client.readers() == [READER]
    assert "with group= belong to the group with mode 2775" in pcscd.log
    place.chmod(0o3777)
    serves(pcscd, client)  # it has tried again
    assert pcscd.running


def run_in_sandbox(place: Path, *program: str) -> int:
    return subprocess.run([*launcher(place), *program], capture_output=True, check=False, cwd="/").returncode


def test_the_sandbox_is_one(place: Path) -> None:
    """What newer units forbid is forbidden here: else the tests above would show nothing."""
    assert run_in_sandbox(place, "/bin/true") == 0
    (place / "file").write_text("", encoding="ascii")
    os.chown(place / "file", USER, USER)
    assert run_in_sandbox(place, "/bin/chown", f":{GROUP}", str(place / "file")) == -signal.SIGSYS
    assert run_in_sandbox(place, "/bin/sh", "-c", "echo > /run/other") != 0
    assert run_in_sandbox(place, "/bin/sh", "-c", f"echo > {place}/mine") == 0
    hidden = str(SANDBOX).startswith(("/tmp/", "/root/", "/home/"))  # noqa: S108 - as the sandbox hides them
    assert run_in_sandbox(place, "/bin/sh", "-c", f"test -e {SANDBOX}") == int(hidden)
