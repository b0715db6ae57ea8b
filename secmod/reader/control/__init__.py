# SPDX-License-Identifier: Apache-2.0
"""The control channel (docs/control.md): cards and readers handled from outside while programs use them.

requests   one JSON object in, one out; no sockets
server     its socket, a thread for each client
client     the other end: one request, one answer
"""

from __future__ import annotations

from secmod.reader.control.client import ask
from secmod.reader.control.requests import Control, Wish
from secmod.reader.control.server import SOCKET_NAME, ControlServer

__all__ = ["SOCKET_NAME", "Control", "ControlServer", "Wish", "ask"]
