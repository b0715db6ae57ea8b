# SPDX-License-Identifier: Apache-2.0
"""`python -m bench`: measures, prints the tables, and keeps the result on request."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

from bench.plot import svg
from bench.report import Result, markdown, print_tables
from bench.workers import BENCH, BUILD, ROOT

QUESTIONS = ("round_trip", "secure_messaging", "pace", "signing", "crypto")  # in the order of the report
README_GROUPS = {f"{operation} · brainpoolP256r1" for operation in ("sign", "verify, new key", "ECDH", "key pair")}


def run(arguments: argparse.Namespace) -> Path:
    """The benchmarks have run; returns their result file.  Exits as pytest does if one failed."""
    BUILD.mkdir(parents=True, exist_ok=True)
    out = BUILD / "result.json"
    out.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "pytest", *(f"bench/test_{question}.py" for question in QUESTIONS)),
        *("-q", "-n", "0", "-o", "addopts=--import-mode=importlib --strict-markers", "--benchmark-quiet"),
        *(f"--benchmark-json={out}", f"--rounds={arguments.rounds}", *(["--quick"] if arguments.quick else [])),
        *(["-k", arguments.k] if arguments.k else []),
    ]
    code = subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode
    if code != 0:
        sys.exit(code)
    return out


def save(result: Result, directory: Path) -> Path:
    """The result as .json, .md and .svg, named by date and commit, and a picture of README_GROUPS alone; returns the first."""
    commit = result["commit_info"]
    name = f"{result['datetime'][:10]}-{commit['id'][:8]}{'-dirty' if commit['dirty'] else ''}"
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{name}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    path.with_suffix(".svg").write_text(svg(result), encoding="utf-8")
    libraries = [entry for entry in result["benchmarks"] if entry["group"] in README_GROUPS]
    path.with_name(f"{name}-libraries.svg").write_text(svg({**result, "benchmarks": libraries}), encoding="utf-8")
    path.with_suffix(".md").write_text(markdown(result, f"{name}.svg"), encoding="utf-8")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="an eighth of the rounds: to see that everything works")
    parser.add_argument("--rounds", type=int, default=40, help="how often each contender has its turn")
    parser.add_argument("-k", metavar="EXPRESSION", help="only these, as in pytest: round_trip, crypto, 'sign and P256', …")
    parser.add_argument("--show", metavar="FILE", type=Path, help="measure nothing, print this result file")
    parser.add_argument("--save", action="store_true", help="keep the result in bench/results")
    parser.add_argument("--json", action="store_true", help="the result as JSON on standard output, no tables")
    arguments = parser.parse_args()
    result: Result = json.loads((arguments.show or run(arguments)).read_text(encoding="utf-8"))
    if arguments.json:
        print(json.dumps(result, indent=1, ensure_ascii=False))
    else:
        print_tables(result)
    if arguments.show and not arguments.save:
        return
    kept = save(result, BENCH / "results" if arguments.save else BUILD / "results")
    print(f"kept as {kept.relative_to(ROOT)}, .md and .svg", file=sys.stderr)


if __name__ == "__main__":
    main()
