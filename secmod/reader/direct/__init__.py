# SPDX-License-Identifier: Apache-2.0
"""The PC/SC service itself: pcscd's protocol spoken by this process; no pcscd, no driver, no root.

messages   between pcsc-lite's client library and pcscd, as values; no sockets
features   what a program may ask of the reader itself: attributes and controls
reader     one reader as pcscd keeps it: sharing, transactions, power; no sockets
client     one connection of a program: its context and its handles
server     the socket, and who comes
"""

from __future__ import annotations

from secmod.reader.direct.server import SOCKET_NAME, VARIABLE, DirectServer

__all__ = ["SOCKET_NAME", "VARIABLE", "DirectServer"]
