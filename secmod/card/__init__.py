# SPDX-License-Identifier: Apache-2.0
"""The security module itself.  It knows no socket, no reader and no host.

card.py                  Card.transmit(bytes) -> bytes: assembles the stations below
dispatch.py              header → handler; result or CardError → status word
commands/                one file for each command
objects/                 files and keys, built from a profile
access/                  rules as data, and the function that evaluates them
der.py                   the distinguished encoding of certificates, strictly
state.py                 what a handler sees of the card
security_status.py       what has been proven since reset
security_environment.py  what MANAGE SECURITY ENVIRONMENT has selected
journal.py               what a command changes: stored before its answer, or put back
origin.py                what a store must know of a profile
lifecycle.py             states of module, files and keys; the hook for resets and changes of phase
"""

from secmod.card.card import Card
from secmod.card.origin import origin_of

__all__ = ["Card", "origin_of"]
