# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from secmod.crypto.results import FAILURES, failure
from secmod.errors import PointError

ROOT = Path(__file__).parents[2]


def test_every_code_of_the_header_has_its_exception():
    header = (ROOT / "native" / "include" / "secmod.h").read_text(encoding="utf-8")
    codes = {int(code) for code in re.findall(r"#define SECMOD_E_\w+ (-\d+)", header)}
    assert codes == set(FAILURES)
    assert len(codes) >= 9


def test_a_failure_names_its_subject():
    assert str(failure(-3, "certificate key")).startswith("certificate key: not an uncompressed point")
    assert isinstance(failure(-3), PointError)


def test_without_the_compiled_core_the_next_step_is_named(tmp_path: Path):
    shutil.copytree(ROOT / "secmod", tmp_path / "secmod", ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    done = subprocess.run(
        [sys.executable, "-c", "import secmod.crypto"], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "ImportError: secmod's native core is not built for this Python. Build it with `pip install -e .`" in done.stderr
