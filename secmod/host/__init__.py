# SPDX-License-Identifier: Apache-2.0
"""The gateway's side: drives the emulator or the real chip through the same interface.

security_module.py   one method for each task of the gateway
channel.py           a command out, its response or a typed error back
"""

from secmod.host.security_module import PublicKey, SecurityModule

__all__ = ["PublicKey", "SecurityModule"]
