# SPDX-License-Identifier: Apache-2.0
"""Where the emulator is put together: a profile becomes a card, and a card what somebody asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from secmod.card import Card, origin_of
from secmod.profile import Profile, load_profile
from secmod.transport.local import LocalTransport

if TYPE_CHECKING:
    from pathlib import Path

    from secmod.store import ModuleStore, Store

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


class Modules(Sequence[Card]):
    """The first modules of a store, as cards of one profile; each takes memory when it gets power, and gives it back afterwards.

    Raises ProfileError, StoreProfileError if one of them was made from another profile.
    """

    def __init__(self, store: Store, count: int, profile: str | Path = DEFAULT_PROFILE, protocol: str | None = None) -> None:
        loaded = load_profile(profile)
        store.enrol(range(count), origin_of(loaded))
        self._cards = [Card(loaded, protocol, store=store.module(number)) for number in range(count)]

    def __len__(self) -> int:
        return len(self._cards)

    @overload
    def __getitem__(self, number: int) -> Card: ...

    @overload
    def __getitem__(self, number: slice) -> Sequence[Card]: ...

    def __getitem__(self, number: int | slice) -> Card | Sequence[Card]:
        """The module of this number, the same card each time."""
        return self._cards[number]


def open_local(address: str) -> LocalTransport:
    """A card in this process, powered; the address is a profile.  Raises ProfileError."""
    return LocalTransport(build_card(address or DEFAULT_PROFILE))


__all__ = ["DEFAULT_PROFILE", "Modules", "build_card", "open_local"]
