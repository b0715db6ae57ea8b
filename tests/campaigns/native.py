# SPDX-License-Identifier: Apache-2.0
"""The campaigns' own C, compiled when it is older than its source."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent.parent / "build" / "campaigns"
FLAGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror", "-fPIC", "-shared", "-fvisibility=default")


def shared_object(name: str) -> Path:
    """The library made of `name`.c; several processes may ask at once."""
    source, target = HERE / f"{name}.c", BUILD / f"{name}.so"
    if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
        BUILD.mkdir(parents=True, exist_ok=True)
        fresh = target.with_suffix(f".{os.getpid()}")
        subprocess.run(["gcc", *FLAGS, "-o", fresh, source, "-ldl"], check=True)
        fresh.rename(target)
    return target


def with_storage_faults() -> dict[str, str]:
    """An environment in which programs have storage_faults.c loaded."""
    return {**os.environ, "LD_PRELOAD": str(shared_object("storage_faults"))}
