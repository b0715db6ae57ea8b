# SPDX-License-Identifier: Apache-2.0
"""What every transport offers."""

from __future__ import annotations

from typing import Protocol


class Transport(Protocol):
    """A powered card at the other end of a link."""

    @property
    def atr(self) -> bytes:
        """The answer to reset, 2 to 33 bytes."""

    @property
    def protocol(self) -> str:
        """The transmission protocol in use: "T0" or "T1"."""

    @property
    def name(self) -> str:
        """What a person calls the other end, for example the reader's name."""

    def transmit(self, command: bytes) -> bytes:
        """The response to a command, at least 2 bytes.  Raises TransportError."""

    def reset(self) -> None:
        """The card has been reset: nothing is selected or proven.  Raises TransportError."""

    def close(self) -> None:
        """The link is closed; closing twice is allowed."""
