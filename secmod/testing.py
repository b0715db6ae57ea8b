# SPDX-License-Identifier: Apache-2.0
"""The entry for test suites of others: a powered card in this process, in the phase and with the passwords that a test needs.

    from secmod.testing import new_card

    card = new_card(profile="tr03109_2", phase="I")
    assert card.transmit(bytes.fromhex("00A4000C")) == bytes.fromhex("9000")
    card.reset()

No reader, no pcscd, no file and no other set-up is needed; every card is its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.card import Card
from secmod.profile import load_profile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# What new_card sets in phases that come after delivery, by the names of the delivered profiles.
PASSWORDS = {"PIN.GW": "1234567890", "PUK.GW": "1234567890123456"}


def new_card(
    profile: str | Path = "tr03109_2",
    phase: str | None = None,
    passwords: Mapping[str, str] | None = None,
    deterministic_seed: bytes | None = None,
) -> Card:
    """A powered card: `transmit(bytes) -> bytes`, `reset()`, `power_off()`, `power_on()`, `atr`, `clock`.

    `phase` is a letter of the profile, its initial one if None.  In any later phase the passwords have been set: to `passwords`,
    by name, and for names that it leaves out to PASSWORDS.  With `deterministic_seed` every random number can be foretold.
    Raises ProfileError for a profile that can not be built, or a phase or password that it does not have.
    """
    loaded = load_profile(profile)
    card = Card(loaded, deterministic_seed=deterministic_seed)
    if phase is not None and phase != loaded.initial_phase:
        known = {password.name for password in loaded.passwords}
        values = {name: value for name, value in PASSWORDS.items() if name in known} | dict(passwords or {})
        card.prepare(phase, {name: value.encode() for name, value in values.items()})
    card.power_on()
    return card


__all__ = ["PASSWORDS", "new_card"]
