# SPDX-License-Identifier: Apache-2.0
"""Programs that fork, and programs with threads, with pcscd and without: what the client library promises them holds."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secmod.reader.pcscd import PrivatePcscd
from tests.pcsc.winscard import RESET, Program
from tests.reader.cards import ReaderTestCard

READER = "secmod reader 0 00 00"
ROOT = Path(__file__).parents[2]

FORK = f"""
import os
from tests.pcsc.winscard import LEAVE, Program
READER, COMMAND = {READER!r}, bytes.fromhex("8010000001AA")
parent = Program()
card = parent.card(READER)
assert card.transmit(COMMAND)[0] == "ok"
inside, outside = os.pipe()
if os.fork() == 0:
    own = Program()
    other = own.card(READER)
    told = [own.established, other.transmit(COMMAND)[0], other.disconnect(LEAVE), own.release()]
    os.write(outside, " ".join(told).encode())
    os._exit(0)
os.wait()
print(os.read(inside, 1000).decode(), parent.valid(), card.transmit(COMMAND)[0], card.begin(), card.end(), parent.release())
"""


@pytest.mark.both
def test_a_child_has_a_context_of_its_own_and_leaves_its_parents(pcscd: PrivatePcscd, start_server: Callable[..., Any]) -> None:
    start_server(pcscd)
    done = subprocess.run(
        [sys.executable, "-c", FORK],
        cwd=ROOT,
        env={**os.environ, **pcscd.env},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["ok"] * 9


@pytest.mark.both
def test_threads_with_a_context_each_and_one_for_all(
    pcscd: PrivatePcscd, start_server: Callable[..., Any], use_here: Callable[[Any], None]
) -> None:
    start_server(pcscd)
    use_here(pcscd)
    common = Program()
    shared = common.card(READER)
    wrong: list[object] = []

    def work(number: int) -> None:
        own = Program()
        for card in (own.card(READER), shared, common.card(READER)):
            for value in range(50):
                command = bytes([0x80, 0x10, number, 0, 1, value])
                seen = card.transmit(command)
                if seen[0] != "ok" or seen[2] != bytes([1, value, 0x90, 0]):
                    wrong.append(seen)
        own.release()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert common.release() == "ok"


@pytest.mark.both
def test_threads_that_connect_and_leave_at_once(
    pcscd: PrivatePcscd, start_server: Callable[..., Any], use_here: Callable[[Any], None]
) -> None:
    card = ReaderTestCard()
    start_server(pcscd, card)
    use_here(pcscd)
    seen: list[str] = []

    def work(number: int) -> None:
        for turn in range(10):
            program = Program()
            result, _, handle = program.connect(READER)
            seen.append(result)
            if result == "ok":
                handle.disconnect(RESET if (number + turn) % 3 == 0 else 0)
            program.release()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {"ok"}
    assert Program().card(READER).transmit(bytes.fromhex("8010000001AA"))[0] == "ok"
