# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
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
    result = invoke("--json", "00FE000000")
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
