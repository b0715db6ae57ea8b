# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from secmod.cli import cli
from secmod.cli.apdu import read_commands, read_hex

SELECT = "00A4040C09F05452303331303932"
GENERATE = "0046C08100"


def invoke(*words: str, stdin: str = "") -> Result:
    return CliRunner().invoke(cli, ["apdu", *words], input=stdin)


def answers(result: Result) -> list[dict[str, Any]]:
    parsed: list[dict[str, Any]] = json.loads(result.stdout)
    return parsed


@pytest.mark.parametrize(
    "text", ["00A40400", "00 a4 04 00", "00:A4:04:00", "0x00A40400", "0x00, 0xA4, 0x04, 0x00", "00-A4-04-00", " 00\tA4 0400\n"]
)
def test_hex_is_read_however_it_is_written(text: str) -> None:
    assert read_hex(text) == bytes.fromhex("00A40400")


@given(st.binary(min_size=1), st.sampled_from(["", " ", ":", "-"]))
def test_every_hex_is_read(data: bytes, between: str) -> None:
    text = data.hex(between) if between else data.hex()
    assert read_hex(text) == data


@pytest.mark.parametrize("text", ["00A", "xyz", "00 A4 O4", "0x0x"[:3]])
def test_what_is_no_hex_is_a_usage_error(text: str) -> None:
    with pytest.raises(click.UsageError, match="not hex"):
        read_hex(text)


def test_unquoted_bytes_are_one_command() -> None:
    assert read_commands(["00", "84", "00", "00", "08"]) == [bytes.fromhex("0084000008")]
    assert read_commands(["0084000008", "0084000010"]) == [bytes.fromhex("0084000008"), bytes.fromhex("0084000010")]


def test_a_card_in_this_process_answers() -> None:
    result = invoke(SELECT, "00 84 00 00 08")
    assert result.exit_code == 0, result.output
    assert "9000" in result.stdout
    assert "GET CHALLENGE" in result.stdout


def test_json_has_everything_that_is_printed() -> None:
    select, key = answers(invoke("--json", SELECT, GENERATE))
    assert select["sw"] == "9000"
    assert select["data"] == ""
    assert key["name"] == "GENERATE ASYMMETRIC KEY PAIR"
    assert key["error"] is False
    (template,) = key["tlv"]
    assert template["tag"] == "7F49"
    (point,) = template["children"]
    assert point["tag"] == "86"
    assert len(bytes.fromhex(point["value"])) == 65


def test_the_tree_of_a_response_is_shown() -> None:
    lines = invoke(SELECT, GENERATE).stdout.splitlines()
    assert "    7F49  67 bytes" in lines
    (point,) = (line for line in lines if line.startswith("        86  65 bytes  04"))
    assert len(point.split()[-1]) == 130


def test_standard_input_is_one_command_per_line() -> None:
    result = invoke("--json", stdin=f"# select\n{SELECT}\n\n00 84 00 00 08\n")
    assert [answer["sw"] for answer in answers(result)] == ["9000", "9000"]


def test_an_error_of_the_card_is_exit_code_1() -> None:
    result = invoke("--json", "00B0000000")
    assert result.exit_code == 1
    assert answers(result)[0]["error"] is True
    assert answers(result)[0]["meaning"]


@pytest.mark.parametrize("words", [[], ["--nonsense"], ["xy"], [""], ["--to", "nowhere:", SELECT], ["--to", "local", SELECT]])
def test_a_wrong_command_line_is_exit_code_2(words: list[str]) -> None:
    assert invoke(*words).exit_code == 2


def test_an_unknown_profile_is_a_sentence(secmod: Any) -> None:
    done = secmod("apdu", "--to", "local:nonsense", SELECT)
    assert done.returncode == 1
    assert "nonsense" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_no_service_is_exit_code_3(secmod: Any, tmp_path: Any) -> None:
    done = secmod("apdu", "--to", "pcsc:nothing", SELECT, env={"PCSCLITE_CSOCK_NAME": str(tmp_path / "nobody")})
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "pcscd" in done.stderr


PACE = ("--to", "local:tr03109_2", "--pace", "PIN.GW")
PHASE = "00CADF2101"


@pytest.fixture
def pin(tmp_path: Path) -> str:
    """A file with the PIN that a new module has."""
    file = tmp_path / "pin"
    file.write_text("0000000000\n", encoding="ascii")
    return str(file)


def test_a_session_protects_the_commands_and_both_forms_are_shown(pin: str) -> None:
    result = invoke(*PACE, "--password-file", pin, PHASE, "0084000008", PHASE)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert f"> {PHASE}  GET DATA" in lines
    assert "< 01" in lines
    assert [line[:16] for line in lines if "»" in line] == ["    » 0CCADF210D", "    » 0C8400000D", "    » 0CCADF210D"]
    assert all(line.endswith("9000") for line in lines if "«" in line)


def test_json_has_the_protected_form(pin: str) -> None:
    (answer,) = answers(invoke("--json", *PACE, "--password-file", pin, PHASE))
    (exchange,) = answer["protected"]
    assert (answer["command"], answer["data"], answer["sw"]) == (PHASE, "01", "9000")
    assert exchange["command"].startswith("0CCADF21")
    assert exchange["response"].startswith("8711")
    (plain,) = answers(invoke("--json", "--to", "local:tr03109_2", PHASE))
    assert "protected" not in plain


def test_a_refusal_in_a_session_is_exit_code_1(pin: str) -> None:
    result = invoke("--json", *PACE, "--password-file", pin, "00CADF2200", PHASE)
    assert result.exit_code == 1
    assert [answer["sw"] for answer in answers(result)] == ["6982", "9000"]


def test_the_password_by_number_and_for_a_profile_of_ones_own(pin: str) -> None:
    assert invoke("--to", "local:tr03109_2", "--pace", "0x03", "--password-file", pin, PHASE).exit_code == 0
    assert invoke(*PACE, "--profile", "open", "--password-file", pin, PHASE).exit_code == 0


def test_the_password_comes_from_the_environment(secmod: Any) -> None:
    done = secmod("apdu", *PACE, "--password-env", "MY_PIN", PHASE, env={"MY_PIN": "0000000000"})
    assert done.returncode == 0, done.stderr
    assert "0000000000" not in done.stdout + done.stderr


def test_the_password_comes_from_a_descriptor_and_the_rest_is_left() -> None:
    """Standard input: the password first, then the commands."""
    words = [sys.executable, "-m", "secmod", "apdu", "--json", *PACE, "--password-fd", "0", "-"]
    done = subprocess.run(words, input=f"0000000000\n{PHASE}\n", capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)[0]["data"] == "01"


def test_a_wrong_password_is_a_sentence_with_the_tries_left(secmod: Any) -> None:
    done = secmod("apdu", *PACE, "--password-fd", "0", PHASE, stdin="0000000001")
    assert done.returncode == 1
    assert "9 tries left" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    "words",
    [
        (PHASE,),  # nobody to ask
        ("--password-fd", "99", PHASE),
        ("--password-env", "NOT_SET", PHASE),
        ("--password-file", "/dev/null", PHASE),
        ("--password-file", "/dev/null", "--password-env", "HOME", PHASE),
        ("--password-file", "/nothing/here", PHASE),
    ],
)
def test_no_password_is_exit_code_2(words: tuple[str, ...]) -> None:
    assert invoke(*PACE, *words).exit_code == 2


def test_a_password_without_a_session_is_exit_code_2(pin: str) -> None:
    assert invoke("--password-file", pin, PHASE).exit_code == 2


def test_an_unknown_password_is_a_sentence(secmod: Any) -> None:
    done = secmod("apdu", "--to", "local:tr03109_2", "--pace", "PIN.XY", "--password-fd", "0", PHASE, stdin="0000000000")
    assert done.returncode == 1
    assert "no password 'PIN.XY'" in done.stderr
