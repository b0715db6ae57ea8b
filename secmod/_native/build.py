# SPDX-License-Identifier: Apache-2.0
"""Builds the cffi extension `secmod._native._core` (API mode, out of line) from native/.

The declarations come from the marked lines of native/include/secmod.h, so no prototype is typed twice.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from cffi import FFI

# setuptools runs this file by exec, with the project's root as working directory and no usable __file__ in some versions.
ROOT = Path.cwd()
NATIVE = ROOT / "native"
sys.path.insert(0, str(NATIVE))
from generate_adx import write_source  # noqa: E402  (as the next)
from generate_curves import write_sources  # noqa: E402  (lives beside the sources it feeds)
from generate_lanes import write_header  # noqa: E402  (as before)


def declarations() -> str:
    """The api lines of secmod.h as cffi reads them."""
    text = (NATIVE / "include" / "secmod.h").read_text(encoding="utf-8")
    body = text.split("/* api: begin */", 1)[1].split("/* api: end */", 1)[0]
    body = body.replace("SECMOD_API ", "")
    return re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)


write_sources(NATIVE / "curves.toml", NATIVE / "src")
write_source(NATIVE / "src" / "adx_gen.c")
write_header(NATIVE / "curves.toml", NATIVE / "src" / "lanes_gen.h")

ffi = FFI()
ffi.cdef(declarations())
ffi.set_source(
    "secmod._native._core",
    '#include "secmod.h"',
    sources=sorted(str(path.relative_to(ROOT)) for path in (NATIVE / "src").glob("*.c")),
    include_dirs=["native/include", "native/src"],
    libraries=["crypto"],
    extra_compile_args=["-std=c11", "-O3", "-Wall", "-Wextra", "-fvisibility=hidden", "-fstack-protector-strong"],
    # Symbols are bound at the start: binding on first use saves vector registers, and secrets in them, on the stack.
    extra_link_args=["-Wl,-z,relro,-z,now"],
)
