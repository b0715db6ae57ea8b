# SPDX-License-Identifier: Apache-2.0
"""The known answers and the plain twin once more, on the code for curves that this CPU has and does not take by itself."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from secmod.crypto.curves import core

FILES = ("batch", "cavp", "ecdsa", "ecka", "rfc6979", "twin")
KNOWN = "wycheproof or cavp or rfc or batch or twin"


def on(path: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with this code for curves."""
    command = [sys.executable, *arguments]
    return subprocess.run(command, env={**os.environ, "SECMOD_CORE": path}, capture_output=True, text=True, check=False)


def test_the_fastest_code_is_taken_if_none_is_asked_for():
    asked = os.environ.get("SECMOD_CORE")
    if asked not in ("portable", "adx"):
        found = {path for path in ("portable", "adx", "lanes") if core_on(path) == path}
        assert core() == max(found, key=("portable", "adx", "lanes").index)
    assert core_on("unheard of") == core_on("lanes")


def core_on(path: str) -> str:
    return on(path, "-c", "from secmod.crypto.curves import core; print(core())").stdout.strip()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("path", ["portable", "adx", "lanes"])
def test_known_answers(path: str):
    if path == core() or core_on(path) != path:
        pytest.skip("the other tests run on this code already" if path == core() else "this CPU has no such code")
    files = [f"tests/crypto/test_{name}.py" for name in FILES]
    done = on(path, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", KNOWN, *files)
    assert done.returncode == 0, done.stdout[-4000:]
