# SPDX-License-Identifier: Apache-2.0
"""The alarm: of the random generator, of a failed self-test, of a damaged object; and the deterministic mode, which is loud."""

from __future__ import annotations

import logging

import pytest

from secmod.card import Card
from secmod.crypto.random import Source
from secmod.crypto.selftest import SelfTest, broken
from secmod.testing import new_card
from tests.card.module import Module

NEEDS_MORE = ["0084000008", "0046C08100", "002241B606840181800100", "0022C1A40F800A04007F00070202040202830103", "0020000300"]


def say(card: Card, command: str) -> str:
    return card.transmit(bytes.fromhex(command))[-2:].hex().upper()


def expect_alarm(card: Card) -> None:
    card.transmit(bytes.fromhex("00A4000C"))
    for command in NEEDS_MORE:
        assert say(card, command) == "6F00", command
    card.transmit(bytes.fromhex("00A4000C"))
    assert [say(card, command) for command in ("00A4000C", "00B09C0000", "00CADF2100")] == ["9000", "9000", "9000"]


@pytest.mark.parametrize("test", SelfTest)
def test_each_self_test_can_fail_at_power_on(test: SelfTest) -> None:
    card = new_card("open")
    with broken(test):
        assert card.reset() == card.atr
        expect_alarm(card)
        assert say(card, "80F80000") == "6F00"
    expect_alarm(card)  # being well again is found out by a reset alone
    card.reset()
    assert say(card, "80F80000") == "9000"
    assert say(card, "0084000008") == "9000"


def test_a_self_test_on_demand_that_fails_ends_the_session() -> None:
    module = Module("V")
    with broken(SelfTest.CMAC):
        assert module.say("80F80000") == "6F00"  # still protected
    assert module.card._state.session is None
    expect_alarm(module.card)


def test_a_damaged_object() -> None:
    card = new_card("open")
    content = next(file for file in card._state.tree.files if file.name == "EF.GDO")._content
    content.data = content.data[:-1] + b"\x02"
    assert card.transmit(bytes.fromhex("00B0820000"))[-2:].hex() == "6281"
    assert say(card, "80F80000") == "6F00"
    expect_alarm(card)
    card.reset()
    expect_alarm(card)


def test_the_generator_gives_up() -> None:
    card = new_card("open")
    card._state.vault.raise_alarm()
    assert say(card, "0084000008") == "6F00"
    expect_alarm(card)
    card.reset()
    assert say(card, "0084000008") == "9000"


def test_a_source_that_stands_still() -> None:
    card = new_card("open")
    card._state.vault.stick(Source.SYSTEM, 0x5A, 100_000)
    card.reset()
    expect_alarm(card)


def test_the_health_of_the_sources_is_tested_on_demand() -> None:
    card = new_card("open")
    card._state.vault.stick(Source.JITTER, 7, 100_000)
    assert say(card, "80F80000") == "6F00"
    expect_alarm(card)


def test_after_the_second_alarm_no_key_is_used_again() -> None:
    card = new_card("open")
    assert say(card, "0046C08100") == "9000"
    for _ in range(2):
        card._state.vault.raise_alarm()
        assert say(card, "0084000008") == "6F00"
        card.reset()
    expect_alarm(card)


def test_the_deterministic_mode_is_loud_and_repeats(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        first, second = (new_card("tr03109_2", "V", deterministic_seed=b"replay") for _ in range(2))
    assert "deterministic" in caplog.text
    version = bytes.fromhex("00B0900000")
    assert first.transmit(version)[-3] == 0x01  # the flag in EF.TRVersion
    assert new_card().transmit(version)[-3] == 0x00
    assert first._state.vault.random(16) == second._state.vault.random(16)


def test_a_replayed_session_never_signs_two_messages_with_one_nonce() -> None:
    signatures = []
    for message in ("11", "22"):
        card = new_card("open", deterministic_seed=b"replay")
        assert say(card, "0046C08100") == "9000"
        assert say(card, "002241B606840181800100") == "9000"
        signatures.append(card.transmit(bytes.fromhex("002A9E9A20" + message * 32 + "00"))[:-2])
    first, second = signatures
    assert first[:32] != second[:32]
