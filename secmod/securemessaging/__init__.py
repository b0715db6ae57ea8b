# SPDX-License-Identifier: Apache-2.0
"""Secure messaging with AES (BSI TR-03110-3 F, ISO/IEC 7816-4 clause 10): protecting and opening APDUs, at both ends.

session.py    Session: keys and counter in one value; card: unprotect, protect; host: protect_command, unprotect_response

The work is done in the core, one call per APDU, and the keys never leave it:

    plain command      CLA INS P1 P2 [Lc data] [Le]
    protected          CLA with 0C, INS P1 P2, Lc, [87 L 01 cryptogram] [97 L Le] 8E 08 MAC, Le of 00 or 0000
    plain response     [data] SW1 SW2
    protected          [87 L 01 cryptogram] 99 02 SW1 SW2, 8E 08 MAC, SW1 SW2

Where INS is odd, 85 L cryptogram takes the place of 87.  A session ends with the first message that is not as it must be.
"""

from __future__ import annotations

from secmod.securemessaging.session import Session

__all__ = ["Session"]
