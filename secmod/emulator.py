# SPDX-License-Identifier: Apache-2.0
"""Where the emulator is put together: a profile becomes a card, and a card what somebody asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.card import Card
from secmod.profile import Profile, load_profile
from secmod.transport.local import LocalTransport

if TYPE_CHECKING:
    from pathlib import Path

    from secmod.store import ModuleStore

DEFAULT_PROFILE = "open"


def build_card(
    profile: str | Path | Profile = DEFAULT_PROFILE,
    protocol: str | None = None,
    *,
    deterministic_seed: bytes | None = None,
    store: ModuleStore | None = None,
) -> Card:
    """A card without power, made from a profile (or its name, or the path of a .toml file); `protocol` is "T0" or "T1".

    With a seed (1 to 256 bytes) every random number of the card can be foretold.  With a store it keeps there what it holds, and
    is the card that was kept there before.  Raises ProfileError, StoreError.
    """
    loaded = profile if isinstance(profile, Profile) else load_profile(profile)
    return Card(loaded, protocol, deterministic_seed=deterministic_seed, store=store)


def open_local(address: str) -> LocalTransport:
    """A card in this process, powered; the address is a profile.  Raises ProfileError."""
    return LocalTransport(build_card(address or DEFAULT_PROFILE))


__all__ = ["DEFAULT_PROFILE", "build_card", "open_local"]
