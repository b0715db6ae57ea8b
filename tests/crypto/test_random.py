# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import subprocess
import sys

import pytest

from secmod.crypto import Vault

FORK = """
import os
from secmod.crypto import Vault, by_name
vault = Vault()
vault.random(16)
inside, outside = os.pipe()
child = os.fork()
mine = vault.random(32) + vault.generate(by_name("secp256r1")).public_point
if child == 0:
    os.write(outside, mine)
    os._exit(0)
os.waitpid(child, 0)
theirs = os.read(inside, 1000)
print(len(theirs), mine[:32] != theirs[:32], mine[32:] != theirs[32:])
"""


@pytest.mark.parametrize("length", [0, 1, 16, 32, 256, 257, 65535, 65536, 65537, 200_000])
def test_any_number_of_bytes(vault: Vault, length: int):
    assert len(vault.random(length)) == length


def test_a_negative_number_of_bytes_is_refused(vault: Vault):
    with pytest.raises(ValueError, match="negative"):
        vault.random(-1)


def test_long_outputs_repeat_nothing_where_calls_meet(vault: Vault):
    data = vault.random(3 * 65536)
    blocks = {data[start : start + 16] for start in range(0, len(data), 16)}
    assert len(blocks) == len(data) // 16


def test_every_bit_comes_both_ways(vault: Vault):
    draws = [int.from_bytes(vault.random(32), "big") for _ in range(64)]
    ones = zeroes = 0
    for draw in draws:
        ones, zeroes = ones | draw, zeroes | ~draw
    assert ones == (1 << 256) - 1  # a bit fails to show up with probability 2^-64
    assert zeroes & ones == ones


def test_vaults_differ(vault: Vault):
    with Vault() as other:
        assert vault.random(32) != other.random(32)


def test_after_fork_both_processes_go_different_ways():
    done = subprocess.run([sys.executable, "-c", FORK], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["97", "True", "True"]
