# SPDX-License-Identifier: Apache-2.0
"""The versions of everything that takes part, for `secmod --version` and the doctor."""

from __future__ import annotations

import platform

IFDHANDLER = "3.0"  # the interface between pcscd and a reader driver that native/ifd implements


def versions() -> dict[str, str]:
    """Names and versions, secmod's own first."""
    from secmod import __version__
    from secmod.crypto.selftest import library_version
    from secmod.reader.frame import VERSION

    return {
        "secmod": __version__,
        "libcrypto": library_version(),
        "driver": f"IFDHandler {IFDHANDLER}, link protocol {VERSION}",
        "Python": platform.python_version(),
    }


__all__ = ["IFDHANDLER", "versions"]
