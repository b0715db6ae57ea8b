# SPDX-License-Identifier: Apache-2.0
"""The shape of the tree: who may import whom, what is public, where identifiers may stand."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from inspect import ismodule
from pathlib import Path

import pytest

import secmod

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "secmod"

SOURCES = sorted(
    path
    for folder in ("secmod", "native", "tests", "bench", ".ci")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in {".py", ".c", ".h", ".toml", ".in", ".sh"} and "__pycache__" not in path.parts
    if path.name != "_core.c" and "_gen." not in path.name
)
MODULES = sorted(PACKAGE.rglob("*.py"))

MODULE_NAMES = [module.name for module in pkgutil.walk_packages(secmod.__path__, "secmod.")]
# build.py is run by setuptools, __main__ is the command line itself, _core has no source of ours.
NOT_IMPORTED = re.compile(r"secmod\.__main__|secmod\._native\.(build|_core|libifdsecmod)")
PUBLIC_NAMES = [name for name in MODULE_NAMES if not NOT_IMPORTED.fullmatch(name)]


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_the_import_contracts_are_kept() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", [*SOURCES, ROOT / "Makefile", ROOT / ".ci/setup", ROOT / ".ci/run"], ids=relative)
def test_every_source_file_names_its_licence_first(path: Path) -> None:
    head = path.read_text(encoding="utf-8").split("\n", 2)[:2]
    if not head[0].startswith("#!"):
        head = head[:1]
    assert "SPDX-License-Identifier: Apache-2.0" in head[-1]


@pytest.mark.parametrize("name", ["secmod", *PUBLIC_NAMES])
def test_all_lists_exactly_what_is_public(name: str) -> None:
    """Of a package: what it defines, and imports from below itself. A module may do without a list, but not leave a name out."""
    module = importlib.import_module(name)
    file = Path(str(module.__file__))
    tree = ast.parse(file.read_text(encoding="utf-8"))
    is_package = file.name == "__init__.py"
    defined: set[str] = set()
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=own) | ast.AsyncFunctionDef(name=own) | ast.ClassDef(name=own):
                defined.add(own)
            case ast.ImportFrom(module=str(source), names=names) if is_package and _belongs(source, name):
                defined.update(own for alias in names if not ismodule(getattr(module, own := alias.asname or alias.name)))
            case _:
                pass
    public = {own for own in defined if not own.startswith("_")}
    listed = getattr(module, "__all__", None)
    if listed is None:
        assert not (public and is_package), f"{name} has public names and no __all__"
        return
    missing = {own for own in listed if not hasattr(module, own)}
    assert not missing, f"{name}.__all__ names what is not there"
    assert len(set(listed)) == len(listed)
    assert not public - set(listed), f"{name}: public, but not in __all__"


def _belongs(source: str, package: str) -> bool:
    return source == package or source.startswith(package + ".")


# Identifiers that a card profile chooses: file identifiers of its own range, application identifiers, key references in bulk.
PROFILE_IDENTIFIER = re.compile(r"0x[EeDd]0[0-9A-Fa-f]{2}\b|[Ff]0545230|[Ee]828[Bb][Dd]08")


# The command line's demo plays a program that knows its card.
ENGINE = [path for path in MODULES if not path.is_relative_to(PACKAGE / "cli")]


@pytest.mark.parametrize("path", ENGINE, ids=relative)
def test_identifiers_of_profiles_stand_in_profiles_only(path: Path) -> None:
    assert not PROFILE_IDENTIFIER.findall(path.read_text(encoding="utf-8"))
