# SPDX-License-Identifier: Apache-2.0
"""PACE (TR-03110-3 clause 3.2 and B.1) over a channel: from a password to a session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import SW, Tlv
from secmod.host import requests
from secmod.host.answers import pace_value
from secmod.pace import HostEnd

if TYPE_CHECKING:
    from secmod.crypto import Password, Vault
    from secmod.host.channel import Channel
    from secmod.pace import Suite
    from secmod.securemessaging import Session

# What each step sends and gets inside the template 7C.
_NONCE, _MAP, _MAP_ANSWER, _AGREE, _AGREE_ANSWER, _TOKEN, _TOKEN_ANSWER = range(0x80, 0x87)

# The password is selected; some wrong tries have been made since the last right one.
_COUNTED = tuple(SW.retries_left(tries) for tries in range(16))


def run_pace(channel: Channel, vault: Vault, suite: Suite, reference: int, password: Password) -> Session:
    """The session that both ends have the keys of; it is not in use yet.

    The password is tried once.  Raises RetriesLeftError if it is wrong, BlockedError, ReferenceUnusableError if it was never set;
    PaceError if the card has not shown that it knows the password.
    """
    channel.send(requests.select_pace(suite.oid, reference), f"select password {reference:02X} for PACE", *_COUNTED)
    end = HostEnd(vault, suite, password)

    def step(content: Tlv | None, answer: int, doing: str) -> bytes:
        return pace_value(channel.send(requests.pace_step(content, last=answer == _TOKEN_ANSWER), f"PACE, {doing}"), answer)

    try:
        z = step(None, _NONCE, "nonce")
        mapped = step(Tlv(_MAP, end.nonce(z)), _MAP_ANSWER, "mapping")
        agreed = step(Tlv(_AGREE, end.map(mapped)), _AGREE_ANSWER, "key agreement")
        token = step(Tlv(_TOKEN, end.agree(agreed)), _TOKEN_ANSWER, "authentication")
        return end.finish(token)
    finally:
        end.abort()


__all__ = ["run_pace"]
