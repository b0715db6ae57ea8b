# SPDX-License-Identifier: Apache-2.0
"""What a result depends on: the machine, the versions, the commit.  No name of a machine or user."""

from __future__ import annotations

import datetime
import os
import platform
import re
import shutil
import subprocess
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from bench.workers import ROOT
from secmod._native import ffi, lib
from secmod.reader.pcscd import pcscd_program

_FLAGS: Final = ("adx", "avx2", "avx512f", "avx512ifma", "bmi2", "pclmulqdq", "rdrand", "rdseed", "sha_ni", "vaes", "hypervisor")
_DEBIAN: Final = {
    "Botan": "libbotan-2-19",
    "wolfSSL": "libwolfssl35",
    "libgcrypt": "libgcrypt20",
    "mbedTLS": "libmbedcrypto7",
    "SoftHSM": "libsofthsm2",
}
_WATCHED: Final = 1.0  # s


def machine() -> dict[str, Any]:
    """CPU, kernel and the versions that take part."""
    cpu = _cpu()
    return {
        "cpu": cpu.get("model name", platform.processor() or "unknown"),
        "cpu_family_model_stepping": "/".join(cpu.get(key, "?") for key in ("cpu family", "model", "stepping")),
        "flags": flags(),
        "cpus": os.cpu_count(),
        "architecture": platform.machine(),
        "kernel": re.match(r"[\d.]*\d", platform.release()).group(),  # type: ignore[union-attr]
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "unknown"),
        "libc": " ".join(platform.libc_ver()),
        "compiler": _first_line([os.environ.get("CC", "cc"), "--version"]),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "libcrypto": ffi.string(lib.secmod_libcrypto_version()).decode(),
        "pcscd": _first_line([str(pcscd_program()), "--version"]).rstrip("."),
        "cryptography": f"{_package('cryptography')} ({_cryptography_library()})",
        "ecdsa": f"{_package('ecdsa')} (gmpy2 {_package('gmpy2')})",
        "fastecdsa": _package("fastecdsa"),
        **{name: _debian(package) for name, package in _DEBIAN.items()},
        "pyscard": _package("pyscard"),
        "cffi": _package("cffi"),
    }


def flags() -> list[str]:
    """What of the CPU's abilities matters here."""
    return [flag for flag in _FLAGS if flag in _cpu().get("flags", "").split()]


def commit() -> dict[str, Any]:
    """The commit measured, its time, and whether files differ from it (results aside)."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!bench/results")
    return {"id": _git("rev-parse", "HEAD"), "time": _git("show", "-s", "--format=%cI"), "dirty": bool(changed)}


def now() -> str:
    """The time of day, UTC, to the second."""
    return datetime.datetime.now(datetime.UTC).replace(microsecond=0).isoformat()


def busy() -> float:
    """The part of all CPUs' time that other processes use, 0 to 1; takes a second."""
    idle, total = _times()
    time.sleep(_WATCHED)
    idle_later, total_later = _times()
    return 1 - (idle_later - idle) / (total_later - total)


def _times() -> tuple[int, int]:
    fields = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)


def _cpu() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n", 1)[0].splitlines()
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}


def _first_line(command: list[str]) -> str:
    if shutil.which(command[0]) is None:
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.partition("\n")[0].strip()


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _package(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _debian(package: str) -> str:
    return _first_line(["dpkg-query", "-W", "-f", "${Version}", package]) or "absent"


def _cryptography_library() -> str:
    from cryptography.hazmat.backends.openssl import backend  # noqa: PLC0415  (only a benchmark asks)

    return backend.openssl_version_text()


__all__ = ["busy", "commit", "flags", "machine", "now"]
