# SPDX-License-Identifier: Apache-2.0
"""PACE (BSI TR-03110-3): from a shared password to a secure messaging session, at both ends.

suites.py      Suite: protocol, curve and key length; SUITES by object identifier
states.py      the order of the steps, as a table
end.py         what both ends have in common
card_end.py    CardEnd: values in, values out, as the card has them in GENERAL AUTHENTICATE
host_end.py    HostEnd: the same for the host

    card                                            host
    z = card.nonce()                          →     key = host.nonce(z)
    own = card.map(key)                       ↔     key = host.map(own)
    own = card.agree(key)                     ↔     token = host.agree(own)
    own, session = card.finish(token, count)  ↔     session = host.finish(own)

The cryptography is in the core, by way of secmod.crypto.handshake; nothing secret comes here.
"""

from __future__ import annotations

from secmod.pace.card_end import CardEnd
from secmod.pace.host_end import HostEnd
from secmod.pace.states import State, Step
from secmod.pace.suites import SUITES, Suite

__all__ = ["SUITES", "CardEnd", "HostEnd", "State", "Step", "Suite"]
