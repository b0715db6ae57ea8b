# SPDX-License-Identifier: Apache-2.0
"""Builds the two native parts: the cffi extension (core) and the PC/SC reader driver (a plain shared library)."""

from __future__ import annotations

from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

DRIVER = "secmod._native.libifdsecmod"


class BuildExt(build_ext):
    """The reader driver is no Python module: it keeps its plain file name and links nothing but libc."""

    def get_ext_filename(self, fullname: str) -> str:
        """libifdsecmod.so, without a Python tag."""
        if fullname in (DRIVER, DRIVER.rsplit(".", 1)[1]):
            return str(Path(*fullname.split("."))) + ".so"
        return super().get_ext_filename(fullname)

    def get_export_symbols(self, ext: Extension) -> list[str]:
        """What the sources mark as visible, and no PyInit_."""
        return [] if ext.name == DRIVER else super().get_export_symbols(ext)


setup(
    cffi_modules=["secmod/_native/build.py:ffi"],
    ext_modules=[
        Extension(
            DRIVER,
            sources=sorted(str(path) for path in Path("native/ifd").glob("*.c")),
            include_dirs=["native/include", "native/ifd", "/usr/include/PCSC"],
            extra_compile_args=["-std=c11", "-O2", "-Wall", "-Wextra", "-fvisibility=hidden", "-fstack-protector-strong"],
        )
    ],
    cmdclass={"build_ext": BuildExt},
)
