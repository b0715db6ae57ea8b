# SPDX-License-Identifier: Apache-2.0
"""A vault with a fixed seed: the same again in every process, and loud; signatures stay safe."""

from __future__ import annotations

import subprocess
import sys

import pytest

from secmod.crypto import Vault, by_name, verify
from secmod.crypto.random import Source
from secmod.errors import CryptoError, RandomAlarmError

BRAINPOOL = by_name("brainpoolP256r1")

SESSION = """
import sys
from secmod.crypto import CURVES, Vault
with Vault(deterministic_seed=sys.argv[1].encode()) as vault:
    print(vault.random(40).hex())
    for curve in CURVES.values():
        key = vault.generate(curve)
        print(key.public_point.hex(), key.sign(bytes(32)).hex())
    vault.power_on()
    print(vault.random(3 * 65536)[-16:].hex(), vault.random(16, fresh=True).hex())
    vault.reseed()
    vault.raise_alarm()
    vault.power_on()
    print(vault.random(16).hex())
"""


def replay(seed: str) -> list[str]:
    done = subprocess.run([sys.executable, "-W", "error", "-c", SESSION, seed], check=True, capture_output=True, text=True)
    assert "deterministic vault: whoever knows its seed" in done.stderr
    return done.stdout.splitlines()


def test_two_processes_do_the_same_with_one_seed_and_not_with_another():
    first, again, other = replay("a seed"), replay("a seed"), replay("another seed")
    assert first == again
    assert len(first) == 8
    assert all(mine != theirs for mine, theirs in zip(first, other, strict=True))


def test_it_says_what_it_is(caplog: pytest.LogCaptureFixture, vault: Vault):
    assert not vault.deterministic
    assert not caplog.records
    with Vault(deterministic_seed=b"x") as replayed:
        assert replayed.deterministic
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("WARNING", "secmod.crypto.vault")


@pytest.mark.parametrize("length", [0, 257])
def test_a_seed_has_1_to_256_bytes(length: int):
    with pytest.raises(CryptoError, match="length"):
        Vault(deterministic_seed=bytes(length))


@pytest.mark.parametrize("length", [1, 256])
def test_a_seed_of_any_length_between_will_do(length: int):
    with Vault(deterministic_seed=bytes(length)) as one, Vault(deterministic_seed=b"\x01" * length) as other:
        assert one.random(32) != other.random(32)


def test_no_two_of_its_random_numbers_are_the_same():
    with Vault(deterministic_seed=b"x") as vault:
        draws = {vault.random(16) for _ in range(3000)}  # across two seeds
        vault.power_on()
        draws.add(vault.random(16))
        vault.reseed()
        draws.add(vault.random(16))
    assert len(draws) == 3002


def test_two_messages_never_share_a_nonce_even_if_a_session_is_replayed_with_another_message():
    digests = [bytes([number]) * 32 for number in range(40)]
    half = BRAINPOOL.field_bytes
    seen: dict[bytes, bytes] = {}
    for digest in digests:  # every signature is the first use of a fresh vault: all random numbers are the same each time
        with Vault(deterministic_seed=b"the same") as vault:
            key = vault.generate(BRAINPOOL)
            signature = key.sign(digest)
            verify(BRAINPOOL, key.public_point, digest, signature)
            assert seen.setdefault(signature[:half], digest) == digest
    assert len(seen) == len(digests)


def test_the_alarm_works_there_too():
    with Vault(deterministic_seed=b"x") as vault:
        vault.check_sources()
        vault.raise_alarm()
        with pytest.raises(RandomAlarmError):
            vault.random(1)
        with pytest.raises(CryptoError):
            vault.stick(Source.JITTER, 0, 1)  # it has no source
