# SPDX-License-Identifier: Apache-2.0
"""How much memory secrets take; what is in it and how it ends, native/tests/test_secure.c looks at."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from secmod.crypto import CURVES, Vault, by_name
from secmod.crypto.secret import secret_memory

IDLE = """
import json
from pathlib import Path
from secmod.crypto import CURVES, Vault
from secmod.crypto.secret import secret_memory

def resident():
    return 4096 * int(Path("/proc/self/statm").read_text().split()[1])

def vaults(work):
    before = resident()
    for vault in kept:
        work(vault)
    return (resident() - before) / len(kept)

Vault().generate(CURVES["brainpoolP256r1"])
kept = [Vault() for _ in range(1000)]
seeded = vaults(lambda vault: vault.random(1))
keys = []
full = vaults(lambda vault: keys.extend(vault.import_key(CURVES["brainpoolP256r1"], bytes(31) + b"1") for _ in range(20)))
print(json.dumps([seeded, full, secret_memory().size / 1000]))
"""


@pytest.fixture
def own() -> Iterator[Vault]:
    with Vault() as made:
        yield made


def in_a_process(code: str) -> Any:
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=100)
    return json.loads(done.stdout)


def test_an_idle_vault_takes_little_memory() -> None:
    seeded, full, secret = in_a_process(IDLE)
    assert seeded < 16 * 1024  # on one machine 4 KiB
    assert full < 32 * 1024  # with 20 keys, their handles and points in Python: 16 KiB
    assert secret < 16 * 1024


def test_it_is_counted(own: Vault) -> None:
    before = secret_memory()
    keys = [own.generate(curve) for curve in CURVES.values() for _ in range(40)]
    after = secret_memory()
    assert (after.size > 0, after.dumped) == (True, False)
    assert before.size <= after.size
    assert after.locked <= after.size
    assert len(keys) == own.live


def test_what_was_released_is_used_again(own: Vault) -> None:
    curve = by_name("brainpoolP512r1")
    for _ in range(250):
        own.import_key(curve, bytes(63) + b"\x01")
    before = secret_memory()
    for _ in range(5):
        keys = [own.import_key(curve, bytes(63) + b"\x01") for _ in range(250)]
        assert own.live == 250
        del keys
    assert secret_memory().size <= before.size + 128 * 1024
