# SPDX-License-Identifier: Apache-2.0
"""The security module: a command APDU in, a response APDU out."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from secmod.apdu import SW, ChainBuffer, CommandApdu
from secmod.card.commands import COMMANDS
from secmod.card.dispatch import Dispatcher
from secmod.card.lifecycle import Event
from secmod.card.state import CardState
from secmod.errors import CardError, NoPowerError, ProfileError

if TYPE_CHECKING:
    from secmod.profile import Profile

log = logging.getLogger(__name__)

_CHANNEL_OR_SECURITY = 0x7F  # of a class byte: anything but the plain 00 and 80


class Card:
    """A module made from a profile.  One thread at a time; objects live as long as the card, the rest until a reset."""

    def __init__(self, profile: Profile, protocol: str | None = None) -> None:
        """`protocol` is "T0" or "T1", the profile's own if None; raises ProfileError if the profile has no ATR for it."""
        transport = profile.transport
        self.protocol = protocol or transport.protocol
        if self.protocol not in transport.atrs:
            known = ", ".join(transport.atrs)
            raise ProfileError(f"profile {profile.name}: [transport.atr] has no entry {self.protocol}; it has {known}")
        self.atr = transport.atrs[self.protocol]
        self.profile_name = profile.name
        self._limits = transport
        self._state = CardState(profile)
        self._dispatcher = Dispatcher(COMMANDS, profile.commands)
        self._chain = ChainBuffer(transport.max_command)
        self._powered = False

    def power_on(self) -> bytes:
        """The card has power, and nothing is selected or proven; returns the ATR (2 to 33 bytes)."""
        self._powered = True
        self._announce(Event.POWER_ON)
        return self.atr

    def power_off(self) -> None:
        """The card has no power; what lives in RAM is gone."""
        self._announce(Event.POWER_OFF)
        self._powered = False

    def reset(self) -> bytes:
        """As after power-on; returns the ATR.  Raises NoPowerError if the card has no power."""
        self._require_power()
        self._announce(Event.RESET)
        return self.atr

    def transmit(self, command: bytes) -> bytes:
        """The response to any bytes: data and status word, at least 2 bytes.  Raises NoPowerError alone."""
        self._require_power()
        try:
            return self._execute(command)
        except CardError as error:
            log.debug("%04X %s", error.sw, error)
            return error.sw.to_bytes(2)
        except Exception:
            log.exception("a command ended in an unexpected exception")
            return int(SW.NO_DIAGNOSIS).to_bytes(2)

    def _execute(self, raw: bytes) -> bytes:
        if len(raw) > self._limits.max_command:
            raise CardError(SW.WRONG_LENGTH, f"a command has at most {self._limits.max_command} bytes")
        apdu = CommandApdu.parse(raw)
        if apdu.cla & _CHANNEL_OR_SECURITY:
            self._check_class(apdu)
        if apdu.extended and not self._limits.extended_length:
            raise CardError(SW.WRONG_LENGTH, "this card has no extended length")
        if apdu.chaining and not self._dispatcher.allows_chaining(apdu):
            self._chain.clear()
            raise CardError(SW.CHAINING_NOT_SUPPORTED)
        if apdu.chaining or self._chain.is_open:
            whole = self._chain.push(apdu)
            if whole is None:
                return int(SW.OK).to_bytes(2)
            apdu = whole
        return self._dispatcher.dispatch(apdu, self._state)

    @staticmethod
    def _check_class(apdu: CommandApdu) -> None:
        if apdu.secure:
            raise CardError(SW.SM_NOT_SUPPORTED)
        if apdu.channel:
            raise CardError(SW.CHANNEL_NOT_SUPPORTED)

    def _announce(self, event: Event) -> None:
        self._chain.clear()
        self._state.lifecycle.announce(event)

    def _require_power(self) -> None:
        if not self._powered:
            raise NoPowerError("the card has no power; call power_on first")


__all__ = ["Card"]
