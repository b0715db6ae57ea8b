# SPDX-License-Identifier: Apache-2.0
"""A card in this process."""

from __future__ import annotations

from typing import Protocol

from secmod.errors import TransportError


class PoweredCard(Protocol):
    """What this transport needs of a card."""

    atr: bytes
    protocol: str
    profile_name: str

    def transmit(self, command: bytes) -> bytes:
        """The response, at least 2 bytes."""

    def power_on(self) -> bytes:
        """The card has power; returns the ATR."""

    def power_off(self) -> None:
        """The card has no power."""

    def reset(self) -> bytes:
        """As after power-on; returns the ATR."""


class LocalTransport:
    """Powers the card it is handed, and takes its power when closed."""

    def __init__(self, card: PoweredCard) -> None:
        self._card: PoweredCard | None = card
        self.atr = card.power_on()
        self.protocol = "T1"
        self.name = f"local:{card.profile_name}"

    def transmit(self, command: bytes) -> bytes:
        """The card's response, at least 2 bytes.  Raises TransportError if closed."""
        return self._open_card().transmit(command)

    def reset(self) -> None:
        """The card has been reset."""
        self._open_card().reset()

    def close(self) -> None:
        """The card has no power."""
        if self._card is not None:
            self._card.power_off()
            self._card = None

    def _open_card(self) -> PoweredCard:
        if self._card is None:
            raise TransportError(f"{self.name} is closed")
        return self._card
