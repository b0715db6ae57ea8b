# SPDX-License-Identifier: Apache-2.0
"""The alarm of the random generator: what raises it, what then refuses, and the way out; and when seeds are taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from secmod.crypto import PrivateKey, RandomState, Vault, by_name
from secmod.crypto.random import Source
from secmod.errors import CryptoError, HandleError, RandomAlarmError

P256 = by_name("secp256r1")
DIGEST = bytes(32)
ALL_SAMPLES = 1 << 20
WORDS = "the random generator is in its alarm state"


@pytest.fixture
def own() -> Iterator[Vault]:
    with Vault() as made:
        yield made


@pytest.fixture
def key(own: Vault) -> PrivateKey:
    return own.generate(P256)


def refuse(vault: Vault, key: PrivateKey) -> None:
    """Whatever needs random numbers."""
    for work in (
        lambda: vault.random(1),
        lambda: vault.random(1, fresh=True),
        lambda: vault.generate(P256),
        lambda: key.sign(DIGEST),
        vault.reseed,
        vault.check_sources,
    ):
        with pytest.raises(RandomAlarmError, match=WORDS):
            work()


def test_a_new_vault_is_ready(own: Vault):
    assert own.random_state is RandomState.READY
    own.check_sources()
    own.reseed()
    own.power_on()
    assert own.random_state is RandomState.READY


def test_after_an_alarm_nothing_random_comes_out_until_power_on(own: Vault, key: PrivateKey):
    own.raise_alarm()
    assert own.random_state is RandomState.ALARM
    refuse(own, key)
    assert len(key.agree(key.public_point)) == 32  # needs no random number
    own.power_on()
    assert own.random_state is RandomState.READY
    assert own.random(16) != own.random(16)
    assert key.sign(DIGEST)


def test_raising_it_again_before_power_on_changes_nothing(own: Vault):
    own.raise_alarm()
    own.raise_alarm()
    own.power_on()
    assert own.random_state is RandomState.READY


def test_after_the_second_alarm_no_key_is_used_again(own: Vault, key: PrivateKey):
    own.raise_alarm()
    own.power_on()
    own.raise_alarm()
    assert own.random_state is RandomState.REFUSED
    for _ in range(2):
        refuse(own, key)
        with pytest.raises(RandomAlarmError):
            key.agree(key.public_point)
        with pytest.raises(RandomAlarmError):
            own.import_key(P256, b"\x01" * 32)
        with pytest.raises(RandomAlarmError):
            own.power_on()
        own.raise_alarm()
    assert own.random_state is RandomState.REFUSED


def test_one_vaults_alarm_is_not_anothers(own: Vault, vault: Vault):
    own.raise_alarm()
    assert vault.random_state is RandomState.READY
    assert vault.random(1)


# ---- faults of the sources ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("source", "cutoff"), [(Source.SYSTEM, 6), (Source.JITTER, 61)])
def test_a_source_that_sticks_too_long_raises_the_alarm(own: Vault, source: Source, cutoff: int):
    own.stick(source, 0x55, cutoff - 2)  # the real samples beside them may be 0x55, too
    own.reseed()
    own.stick(source, 0x55, cutoff)
    with pytest.raises(RandomAlarmError):
        own.reseed()
    assert own.random_state is RandomState.ALARM


@pytest.mark.parametrize("source", Source)
@pytest.mark.parametrize("step", [Vault.check_sources, Vault.power_on, Vault.reseed])
def test_the_tests_see_a_stuck_source(own: Vault, source: Source, step: Callable[[Vault], None]):
    own.stick(source, 0, ALL_SAMPLES)
    with pytest.raises(RandomAlarmError):
        step(own)
    assert own.random_state is RandomState.ALARM


def test_a_source_that_is_still_stuck_at_power_on_is_the_second_alarm(own: Vault):
    own.raise_alarm()
    own.stick(Source.JITTER, 3, ALL_SAMPLES)
    with pytest.raises(RandomAlarmError):
        own.power_on()
    assert own.random_state is RandomState.REFUSED


def test_a_source_that_is_well_again_at_power_on_ends_the_alarm(own: Vault):
    own.stick(Source.JITTER, 3, 100)
    with pytest.raises(RandomAlarmError):
        own.reseed()
    own.power_on()
    assert own.random(1)


@pytest.mark.parametrize(("source", "value"), [(2, 0), (-1, 0), (Source.JITTER, 256), (Source.JITTER, -1)])
def test_a_fault_that_can_not_be_is_refused(own: Vault, source: Source, value: int):
    with pytest.raises(CryptoError):
        own.stick(source, value, 1)


# ---- when seeds are taken: a stuck source shows it ------------------------------------------------------------------------


def test_a_seed_is_for_1024_requests(own: Vault):
    own.reseed()
    own.stick(Source.JITTER, 0, ALL_SAMPLES)
    for _ in range(1024):
        own.random(1)
    with pytest.raises(RandomAlarmError):
        own.random(1)


def test_a_seed_is_for_65536_bytes(own: Vault):
    own.reseed()
    own.stick(Source.JITTER, 0, ALL_SAMPLES)
    own.random(65535)
    own.random(1)
    with pytest.raises(RandomAlarmError):
        own.random(1)


def test_a_signature_is_one_request(own: Vault, key: PrivateKey):
    own.reseed()
    own.stick(Source.JITTER, 0, ALL_SAMPLES)
    for _ in range(1024):
        key.sign(DIGEST)
    with pytest.raises(RandomAlarmError):
        key.sign(DIGEST)


@pytest.mark.parametrize("work", [lambda vault: vault.generate(P256), lambda vault: vault.random(1, fresh=True)])
@pytest.mark.parametrize(("source", "times"), [(Source.SYSTEM, 1), (Source.JITTER, 31)])  # 61 samples of jitter, 2 for each
def test_keys_and_fresh_requests_take_a_seed_each(own: Vault, work: Callable[[Vault], object], source: Source, times: int):
    own.power_on()
    own.stick(source, 0, ALL_SAMPLES)
    for _ in range(times - 1):
        work(own)
    with pytest.raises(RandomAlarmError):
        work(own)


def test_a_vault_that_was_never_powered_on_tests_its_sources_first(own: Vault):
    own.stick(Source.JITTER, 0, 61)
    with pytest.raises(RandomAlarmError):
        own.random(1)
    own.power_on()
    assert own.random(1)


# ---- closed ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [Vault.check_sources, Vault.power_on, Vault.reseed, Vault.raise_alarm])
def test_a_closed_vault_does_none_of_this(step: Callable[[Vault], None]):
    vault = Vault()
    vault.close()
    with pytest.raises(HandleError, match="closed"):
        step(vault)
    with pytest.raises(HandleError):
        _ = vault.random_state
    with pytest.raises(HandleError):
        _ = vault.deterministic
