# SPDX-License-Identifier: Apache-2.0
"""Cards to talk to; an error that a card logs fails the test."""

import logging
from collections.abc import Callable, Iterator

import pytest

from secmod.card import Card
from secmod.emulator import build_card

Say = Callable[..., None]


@pytest.fixture(autouse=True)
def no_logged_errors(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    mistakes = [record.getMessage() for record in caplog.get_records("call") if record.levelno >= logging.ERROR]
    assert not mistakes


@pytest.fixture
def card() -> Iterator[Card]:
    """The open profile, powered."""
    card = build_card("open")
    card.power_on()
    yield card
    card.power_off()


@pytest.fixture
def module() -> Iterator[Card]:
    """The module's own profile, powered, phase I."""
    card = build_card("tr03109_2")
    card.power_on()
    yield card
    card.power_off()


@pytest.fixture
def say(card: Card) -> Callable[[str], str]:
    """Sends hexadecimal text to the open card and returns the response as hexadecimal text."""
    return lambda command: card.transmit(bytes.fromhex(command)).hex().upper()
