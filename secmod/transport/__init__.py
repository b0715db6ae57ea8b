# SPDX-License-Identifier: Apache-2.0
"""The host end of the link: bytes in, bytes out; nothing here looks inside an APDU.

    base.py    what a transport is
    local.py   a card in this process
    pcsc.py    a card in a PC/SC reader, real or emulated

Links are opened by address, `scheme:rest`.  A scheme is loaded when it is first used, so that a host that drives a chip needs no
emulator, and one that drives the emulator no PC/SC.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from secmod.errors import TransportError

if TYPE_CHECKING:
    from secmod.transport.base import Transport

# Scheme → the function that opens the rest of the address.
SCHEMES = {
    "local": "secmod.emulator:open_local",
    "pcsc": "secmod.transport.pcsc:open_reader",
}


def open_transport(address: str) -> Transport:
    """The link to a card: "local:PROFILE" or "pcsc:READER NAME" ("local:" and "pcsc:" take the default).

    Raises NoReaderError, NoCardError or another TransportError; ProfileError for a profile that can not be built.
    """
    scheme, colon, rest = address.partition(":")
    if not colon or scheme not in SCHEMES:
        known = ", ".join(f"{name}:" for name in SCHEMES)
        raise TransportError(f"no transport opens {address!r}; an address starts with one of {known}")
    module, function = SCHEMES[scheme].split(":")
    transport: Transport = getattr(importlib.import_module(module), function)(rest)
    return transport


__all__ = ["SCHEMES", "open_transport"]
