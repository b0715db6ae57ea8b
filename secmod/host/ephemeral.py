# SPDX-License-Identifier: Apache-2.0
"""Which places for ephemeral keys are in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secmod.host.answers import PublicKey


@dataclass(frozen=True, slots=True)
class EphemeralKey:
    """A key pair for one key agreement; `name` is that of its place."""

    name: str
    public: PublicKey


class EphemeralPlaces:
    """The places of the profile, and those whose key waits to be used, oldest first."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._waiting: dict[str, None] = {}

    def take(self) -> str | None:
        """A free place, or else the one whose key has waited for longest; None if there are no places at all."""
        name = next((name for name in self._names if name not in self._waiting), None) or next(iter(self._waiting), None)
        if name is not None:
            self._waiting.pop(name, None)
            self._waiting[name] = None
        return name

    def free(self, name: str | int) -> None:
        """The key in this place has been used or deleted; nothing happens for other keys."""
        if isinstance(name, str):
            self._waiting.pop(name, None)

    def clear(self) -> None:
        """All places are free."""
        self._waiting.clear()


__all__ = ["EphemeralKey", "EphemeralPlaces"]
