# SPDX-License-Identifier: Apache-2.0
"""The C programs of the campaigns, compiled when first asked for and kept in build/campaigns."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "campaigns"
SANITIZE = ("-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SANITIZED_RUN = {
    "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}
_WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Werror", "-I/usr/include/PCSC")
_DRIVER = tuple(sorted((ROOT / "native" / "ifd").glob("*.c")))


def compiled(name: str, sources: Sequence[Path], *flags: str) -> Path:
    """The program (or library) of these sources in build/campaigns, at least as new as they are.  Several may ask at
    once."""
    target = BUILD / name
    newest = max(path.stat().st_mtime for source in sources for path in (source, *source.parent.glob("*.h")))
    if not target.exists() or target.stat().st_mtime < newest:
        BUILD.mkdir(parents=True, exist_ok=True)
        fresh = BUILD / f"{name}.{os.getpid()}.{threading.get_ident()}"
        subprocess.run(["gcc", *_WARNINGS, *sources, *flags, "-o", fresh], check=True)
        fresh.rename(target)
    return target


def client_program() -> Path:
    """The PC/SC program that tests/pcsc/client.py speaks with."""
    return compiled("client", [ROOT / "tests" / "pcsc" / "client.c"], "-O2", "-lpcsclite")


def hostile_card() -> Path:
    """A card process of malformed frames."""
    return compiled("hostile_card", [ROOT / "tests" / "campaigns" / "hostile_card.c"], "-O2")


def hostile_service() -> Path:
    """The driver under sanitizers, with a caller in pcscd's place."""
    return compiled("hostile_service", [*_DRIVER, ROOT / "tests" / "campaigns" / "hostile_service.c"], *SANITIZE, "-lpthread")


def sanitized_driver() -> Path:
    """The driver under sanitizers, as a library for pcscd."""
    return compiled("libifdsecmod.so", _DRIVER, *SANITIZE, "-fPIC", "-shared")


def memory_scan() -> Path:
    """What looks for needles in memory and files, as a library for Python."""
    return compiled("scan.so", [ROOT / "tests" / "campaigns" / "scan.c"], "-O2", "-fPIC", "-shared")


def with_storage_faults() -> dict[str, str]:
    """An environment in which programs have storage_faults.c loaded."""
    sources = [ROOT / "tests" / "campaigns" / "storage_faults.c"]
    return {**os.environ, "LD_PRELOAD": str(compiled("storage_faults.so", sources, "-O2", "-fPIC", "-shared", "-ldl"))}


@functools.cache
def sanitizer_library() -> str:
    """What has to be preloaded where the program itself has no sanitizer."""
    found = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True)
    return found.stdout.strip()


def sanitized_package() -> Path:
    """A directory to run from: the package with its native core under sanitizers, and these tests."""
    home = BUILD / "package"
    sources = [path for folder in ("secmod", "native") for path in (ROOT / folder).rglob("*.[chpSt]*") if "_gen" not in path.name]
    newest = max(path.stat().st_mtime for path in sources if path.suffix != ".so")
    stamp = home / "stamp"
    if stamp.exists() and stamp.stat().st_mtime >= newest:
        return home
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(ROOT / "secmod", home / "secmod", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    (home / "tests").symlink_to(ROOT / "tests")
    flags = " ".join(SANITIZE)
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", f"--build-lib={home}", f"--build-temp={home / 'temporary'}"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "CFLAGS": flags, "LDFLAGS": flags},
    )
    stamp.touch()
    return home


def sanitized_env() -> dict[str, str]:
    """The environment of a Python that loads the core under sanitizers."""
    return {**os.environ, **SANITIZED_RUN, "LD_PRELOAD": sanitizer_library(), "PYTHONMALLOC": "malloc"}
