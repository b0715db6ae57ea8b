# SPDX-License-Identifier: Apache-2.0
"""`secmod driver` below another root: nothing of this machine is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

LIBRARY = "usr/lib/pcsc/drivers/serial/libifdsecmod.so"
CONFIG = "etc/reader.conf.d/secmod"


def files(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def test_a_dry_run_says_what_and_does_nothing(secmod: Any, tmp_path: Path) -> None:
    done = secmod("driver", "install", "--dry-run", "--root", str(tmp_path))
    assert done.returncode == 0
    assert LIBRARY in done.stdout
    assert CONFIG in done.stdout
    assert files(tmp_path) == set()


def test_installed_it_is_there_and_uninstalled_it_is_gone(secmod: Any, tmp_path: Path) -> None:
    root = ("--root", str(tmp_path))
    assert secmod("driver", "status", *root).returncode == 1
    done = secmod("driver", "install", "--readers", "3", "--json", *root)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["done"] is True
    assert "restart pcscd" in result["next"]
    assert files(tmp_path) == {LIBRARY, CONFIG}
    assert (tmp_path / CONFIG).read_text(encoding="utf-8").count("FRIENDLYNAME") == 3
    assert secmod("driver", "status", *root).returncode == 0
    assert json.loads(secmod("driver", "install", "--readers", "3", "--json", *root).stdout)["done"] is False
    assert secmod("driver", "uninstall", *root).returncode == 0
    assert files(tmp_path) == set()


def test_another_release_is_seen(secmod: Any, tmp_path: Path) -> None:
    root = ("--root", str(tmp_path))
    secmod("driver", "install", *root)
    library = tmp_path / LIBRARY
    library.write_bytes(library.read_bytes() + b"\0")
    done = secmod("driver", "status", "--json", *root)
    assert done.returncode == 1
    assert json.loads(done.stdout)["current"] is False


@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_a_file_of_another_origin_is_left_alone(secmod: Any, tmp_path: Path, verb: str) -> None:
    foreign = tmp_path / CONFIG
    foreign.parent.mkdir(parents=True)
    foreign.write_text("# somebody else's\n", encoding="utf-8")
    done = secmod("driver", verb, "--root", str(tmp_path))
    assert done.returncode == 1
    assert CONFIG in done.stderr
    assert "Traceback" not in done.stderr
    assert foreign.read_text(encoding="utf-8") == "# somebody else's\n"


def test_a_place_that_can_not_be_written_is_a_sentence(secmod: Any, tmp_path: Path) -> None:
    (tmp_path / "usr").write_text("in the way of a directory", encoding="utf-8")
    done = secmod("driver", "install", "--root", str(tmp_path))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
