# SPDX-License-Identifier: Apache-2.0
"""`secmod fault` and `serve --faults`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.cli.test_serve import ready, serving

SELECT = "00A4000C"
PLAN = """
[[fault]]
kind = "status"
sw = 0x6F00
ins = "select"
times = "always"
"""


def test_a_plan_is_in_force_from_the_start_and_can_be_changed(secmod: Any, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    where = ("--socket-dir", str(tmp_path))
    with serving("--direct", *where, "--faults", str(plan)) as process:
        env = ready(process)["env"]

        def status() -> str:
            done = secmod("apdu", "--to", "pcsc:secmod", "--json", SELECT, env=env)
            answer: str = json.loads(done.stdout)[0]["sw"]
            return answer

        assert status() == "6F00"
        assert secmod("fault", "clear", *where).stdout == "no faults\n"
        assert status() == "9000"
        assert secmod("fault", "add", "status", "sw=0x6A82", "nth=2", *where).stdout == "fault 2\n"
        assert json.loads(secmod("fault", "add", "damage object='EF ATR' nth=9", "--json", *where).stdout) == {"number": 3}
        assert [status(), status(), status()] == ["9000", "6A82", "9000"]
        listed = json.loads(secmod("fault", "list", "--json", *where).stdout)
        assert [fault["struck"] for fault in listed] == [1, 0]
        assert "sw=0x6A82" in secmod("fault", "list", *where).stdout
        assert [fault["number"] for fault in json.loads(secmod("fault", "clear", "3", "--json", *where).stdout)] == [2]
        assert json.loads(secmod("fault", "load", str(plan), "--json", *where).stdout)[0]["kind"] == "status"
        assert status() == "6F00"
        process.terminate()
        _, log = process.communicate(timeout=10)
    assert "FAULTS: the cards misbehave" in log
    assert "reader0: fault 1 at command 1 (SELECT): status" in log
    assert "Traceback" not in log


def test_what_is_wrong_is_a_sentence(secmod: Any, tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    plan.write_text("[[fault]]\nkind = 'mutt'\n", encoding="utf-8")
    where = ("--socket-dir", str(tmp_path))
    done = secmod("serve", "--direct", *where, "--faults", str(plan))
    assert done.returncode == 1
    assert "plan.toml: [[fault]] mutt" in done.stderr
    with serving("--direct", *where) as process:
        ready(process)
        for words, sentence in (
            (("load", str(plan)), "a typing error?"),
            (("add", "mute", "apdu=never"), "whole number"),
            (("clear", "7"), "no fault 7"),
        ):
            done = secmod("fault", *words, *where)
            assert (done.returncode, sentence in done.stderr) == (1, True), done.stderr


def test_a_chips_time_is_chosen_at_the_start_or_later(secmod: Any, tmp_path: Path) -> None:
    where = ("--socket-dir", str(tmp_path))
    with serving("--direct", *where, "--latency", "jcop_j2e145g") as process:
        ready(process)
        assert secmod("card", "latency", *where).stdout == "their own time\n"
        assert secmod("card", "latency", "infineon_jtop", *where).stdout == "the time of Infineon JTOP 80K M8.4\n"
        done = secmod("card", "latency", "infineon_top", *where)
        assert (done.returncode, "a typing error" in done.stderr) == (1, True)
        process.terminate()
        _, log = process.communicate(timeout=10)
    assert "the time of NXP J2E145G" in log
    assert secmod("serve", "--direct", *where, "--latency", "fast").returncode == 1
