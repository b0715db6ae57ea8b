# SPDX-License-Identifier: Apache-2.0
"""The gateway's side: drives the emulator or the real chip through the same interface.

security_module.py   one method for each task of the gateway
requests.py          the commands of those tasks, as values
answers.py           what the responses say, as values
ephemeral.py         which places for ephemeral keys are in use
names.py             from a profile's names to references, tags and paths
handshake.py         PACE: from a password to a session
channel.py           a command out, its response or a typed error back; plain or protected
capabilities.py      what a card says about itself in its ATR
refusals.py          the typed error of a status word
"""

from secmod.host.answers import KeyEntry, PublicKey
from secmod.host.ephemeral import EphemeralKey
from secmod.host.security_module import SecurityModule

__all__ = ["EphemeralKey", "KeyEntry", "PublicKey", "SecurityModule"]
