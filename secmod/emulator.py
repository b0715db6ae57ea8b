# SPDX-License-Identifier: Apache-2.0
"""Where the emulator is put together: a profile becomes a card, and a card what somebody asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.card import Card
from secmod.profile import load_profile
from secmod.transport.local import LocalTransport

if TYPE_CHECKING:
    from pathlib import Path

DEFAULT_PROFILE = "open"


def build_card(
    profile: str | Path = DEFAULT_PROFILE, protocol: str | None = None, *, deterministic_seed: bytes | None = None
) -> Card:
    """A card without power, made from a profile (its name, or the path of a .toml file); `protocol` is "T0" or "T1".

    With a seed (1 to 256 bytes) every random number of the card can be foretold.  Raises ProfileError.
    """
    return Card(load_profile(profile), protocol, deterministic_seed=deterministic_seed)


def open_local(address: str) -> LocalTransport:
    """A card in this process, powered; the address is a profile.  Raises ProfileError."""
    return LocalTransport(build_card(address or DEFAULT_PROFILE))


__all__ = ["DEFAULT_PROFILE", "build_card", "open_local"]
