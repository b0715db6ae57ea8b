# SPDX-License-Identifier: Apache-2.0
"""Contenders in processes of their own (block.h says how they are spoken to), and how the C files of this folder are built."""

from __future__ import annotations

import array
import functools
import gc
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

from bench.interleave import Block

BENCH: Final = Path(__file__).parent
ROOT: Final = BENCH.parent
BUILD: Final = ROOT / "build" / "bench"

_FLAGS: Final = (
    *("-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wconversion", "-Werror"),
    *(f"-I{BENCH}", f"-I{ROOT}/native/ifd", f"-I{ROOT}/native/include", f"-I{ROOT}/native/src", "-I/usr/include/PCSC"),
)
_CORE_FLAGS: Final = ("-O3", "-fstack-protector-strong")  # as secmod/_native/build.py compiles it
_WITH_CORE: Final = {"session_client", "peers/core"}
_SOFTHSM: Final = "/usr/lib/softhsm"
_MORE: Final[Mapping[str, tuple[str, ...]]] = {
    "winscard_client": ("-O2", "-lpcsclite"),
    "handler_client": ("-O2", "-ldl"),
    "null_card": ("-O2",),
    "noop_ifd": ("-O2", "-shared", "-fPIC"),
    "clock": ("-O2",),
    "session_client": ("-O2", "-lpcsclite", "-lcrypto", "-lpthread"),
    "peers/core": ("-O2", "-lcrypto", "-lpthread"),
    "peers/libcrypto": ("-O2", "-lcrypto"),
    "peers/botan": ("-O2", "-isystem", "/usr/include/botan-2", "-lbotan-2"),
    "peers/libgcrypt": ("-O2", "-lgcrypt"),
    "peers/mbedtls": ("-O2", "-lmbedcrypto"),
    "peers/wolfssl": ("-O2", "-lwolfssl"),
    "peers/softhsm": ("-O2", "-isystem", "/usr/include/p11-kit-1", f"{_SOFTHSM}/libsofthsm2.so", f"-Wl,-rpath,{_SOFTHSM}"),
}
_PACKAGES: Final = {  # of Debian, for what not everyone has
    "peers/botan": ("/usr/include/botan-2/botan/ffi.h", "libbotan-2-dev"),
    "peers/libgcrypt": ("/usr/include/gcrypt.h", "libgcrypt20-dev"),
    "peers/mbedtls": ("/usr/include/mbedtls/ecdsa.h", "libmbedtls-dev"),
    "peers/wolfssl": ("/usr/include/wolfssl/options.h", "libwolfssl-dev"),
    "peers/softhsm": (f"{_SOFTHSM}/libsofthsm2.so", "softhsm2 and libp11-kit-dev"),
}


def missing(name: str) -> str | None:
    """The Debian package that NAME.c lacks on this machine; None if it can be built."""
    file, package = _PACKAGES.get(name, ("/", ""))
    return None if Path(file).exists() else package


def _compile(*arguments: str) -> None:
    subprocess.run([os.environ.get("CC", "cc"), *_FLAGS, *arguments], check=True)


@functools.cache
def _core() -> tuple[str, ...]:
    """The native core as object files, compiled if a source of it has changed."""
    native = ROOT / "native"
    changed = max(path.stat().st_mtime for folder in ("src", "include") for path in (native / folder).iterdir())
    objects = []
    for source in sorted((native / "src").glob("*.c")):
        out = BUILD / "core" / f"{source.stem}.o"
        out.parent.mkdir(parents=True, exist_ok=True)
        if not out.exists() or out.stat().st_mtime < changed:
            _compile(*_CORE_FLAGS, "-c", str(source), "-o", str(out))
        objects.append(str(out))
    return tuple(objects)


@functools.cache
def program(name: str) -> Path:
    """The program (or library) made of NAME.c, built now."""
    out = BUILD / name
    out.parent.mkdir(parents=True, exist_ok=True)
    _compile(str(BENCH / f"{name}.c"), *(_core() if name in _WITH_CORE else ()), "-o", str(out), *_MORE[name])
    return out


class Worker:
    """A contender in a process of its own: `block` makes it work; a context manager that ends it."""

    def __init__(self, *command: str | Path, env: Mapping[str, str] | None = None) -> None:
        self._command = [str(word) for word in command]
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **(env or {})}
        )

    def __enter__(self) -> Self:
        self._read(len(b"ready\n"))
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def block(self, samples: int, iterations: int) -> list[float]:
        """Nanoseconds for one operation, of each sample; RuntimeError if the program failed."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{samples} {iterations}\n".encode())
        self._process.stdin.flush()
        times = array.array("Q", self._read(8 * samples))
        return [time / iterations for time in times]

    def _read(self, size: int) -> bytes:
        assert self._process.stdout is not None
        data = self._process.stdout.read(size)
        if len(data) != size:
            raise RuntimeError(f"{' '.join(self._command)} ended with code {self._process.wait()}")
        return data


def work(block: Block) -> None:
    """The other side, in Python: measures what standard input asks for, until it ends."""
    gc.collect()
    gc.disable()
    sys.stdout.buffer.write(b"ready\n")
    sys.stdout.buffer.flush()
    for line in sys.stdin:
        samples, iterations = map(int, line.split())
        times = array.array("Q", (round(time * iterations) for time in block(samples, iterations)))
        sys.stdout.buffer.write(times.tobytes())
        sys.stdout.buffer.flush()


def end_with(stack: ExitStack, process: subprocess.Popen[bytes]) -> None:
    """The process is ended with the stack."""

    def end() -> None:
        process.terminate()
        process.wait()

    stack.callback(end)


__all__ = ["BENCH", "BUILD", "ROOT", "Worker", "end_with", "missing", "program", "work"]
