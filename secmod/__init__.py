# SPDX-License-Identifier: Apache-2.0
"""secmod: the security module of a smart meter gateway in software, its PC/SC reader, and the library that drives it or the chip.

A command comes in on one end and goes out at the other:

    host/       one method for each task of the gateway          card/      the security module: objects, rights, commands
    transport/  bytes in, bytes out: local, PC/SC                reader/    the card end of the link to the reader driver
    pace/       from a password to a session, both ends          profiles/  cards as data; profile/ reads them
    securemessaging/  the session: protected APDUs, both ends    _native/   the compiled core, built from native/
    apdu/       the language of ISO/IEC 7816-4, for both ends    testing.py a card for the tests of others
    crypto/     curves, keys, signatures by meaning          store/     what outlives the process

    emulator.py   puts profile, card and link together           errors.py  every exception
    cli/          the command `secmod`

Nothing is imported before it is used, so that `secmod doctor` runs where the compiled core is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secmod.host import SecurityModule

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name == "SecurityModule":
        from secmod.host import SecurityModule  # noqa: PLC0415  (see above)

        return SecurityModule
    raise AttributeError(f"module 'secmod' has no attribute {name!r}")


__all__ = ["SecurityModule", "__version__"]
