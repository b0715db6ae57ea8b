# SPDX-License-Identifier: Apache-2.0
"""The compiled core: `lib`, the functions of native/include/secmod.h, and `ffi`, which makes their buffers.

    build.py            how it is compiled; gives the header's api lines to cffi
    _core*.so           the outcome, git-ignored
    libifdsecmod.so     the PC/SC reader driver, built beside it and loaded by pcscd alone

Only crypto, apdu, securemessaging and the reader's framing import from here.
"""

from __future__ import annotations

try:
    from secmod._native._core import ffi, lib
except ImportError as error:
    raise ImportError(
        "secmod's native core is not built for this Python. "
        "Build it with `pip install -e .` in the project's folder (a C compiler and libssl-dev are needed)."
    ) from error

__all__ = ["ffi", "lib"]
