# SPDX-License-Identifier: Apache-2.0
"""What has come as `bytes` although it is a secret: erased where it lies, as soon as its work is done."""

from __future__ import annotations

from secmod._native import lib


def erase(secret: bytes) -> None:
    """The bytes are zero, for whoever still holds this object.

    Only for bytes that the caller has made itself, by cutting or joining, and that nobody compares or shows afterwards: Python's
    `bytes` do not change otherwise.  Up to one byte they belong to the interpreter and stay as they are.
    """
    if len(secret) > 1:
        lib.secmod_wipe(secret, len(secret))


__all__ = ["erase"]
