# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pytest


def findings(done: Any) -> dict[str, dict[str, str]]:
    return {finding["subject"]: finding for finding in json.loads(done.stdout)["findings"]}


def test_every_finding_that_is_wrong_names_what_mends_it(secmod: Any, tmp_path: Path) -> None:
    done = secmod("doctor", "--json", env={"PATH": "/nonexistent", "PCSCLITE_CSOCK_NAME": str(tmp_path / "nobody")})
    assert done.returncode == 1
    found = findings(done)
    assert found["openssl"]["state"] == "missing"
    assert "apt-get install openssl" in found["openssl"]["mend"]
    assert found["native core"]["state"] == "ok"
    for finding in found.values():
        assert finding["state"] in {"ok", "note", "missing", "wrong"}
        assert finding["mend"] or finding["state"] == "ok"


def test_a_service_that_is_not_there(secmod: Any, tmp_path: Path) -> None:
    found = findings(secmod("doctor", "--json", env={"PCSCLITE_CSOCK_NAME": str(tmp_path / "nobody")}))
    assert found["pcscd service"]["state"] == "missing"
    assert "pcscd" in found["pcscd service"]["mend"]


def test_a_socket_that_a_dead_service_left(secmod: Any, tmp_path: Path) -> None:
    path = tmp_path / "comm"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    found = findings(secmod("doctor", "--json", env={"PCSCLITE_CSOCK_NAME": str(path)}))
    assert found["pcscd service"]["state"] == "missing"
    assert "left over" in found["pcscd service"]["detail"]


def test_a_service_that_answers(secmod: Any, tmp_path: Path) -> None:
    path = tmp_path / "comm"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        found = findings(secmod("doctor", "--json", env={"PCSCLITE_CSOCK_NAME": str(path)}))
    assert found["pcscd service"]["state"] == "ok"


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_the_doctor_never_fails_itself(secmod: Any, words: list[str]) -> None:
    done = secmod("doctor", *words)
    assert done.returncode in {0, 1}
    assert "Traceback" not in done.stderr
