# SPDX-License-Identifier: Apache-2.0
"""UPDATE BINARY: offsets, ends, gaps, short identifiers, chains, the odd instruction; and who may."""

from collections.abc import Callable

import pytest

from secmod.card import Card
from tests.card.module import Module

Say = Callable[[str], str]

SIZE = 0x400  # EF.DATA


@pytest.fixture
def data(say: Say) -> Say:
    """EF.DATA of the open card, empty."""
    assert say("00A4080C04DF01E00C") == "9000"
    return say


def content(say: Say) -> str:
    answer = say("00B00000000000")
    return "" if answer == "6B00" else answer[:-4]


def test_what_is_written_is_read(data: Say) -> None:
    assert data("00D6000003010203") == "9000"
    assert content(data) == "010203"
    assert data("00D6000102AABB") == "9000"
    assert content(data) == "01AABB"
    assert data("00D6000201CC") == "9000"
    assert content(data) == "01AACC"


def test_the_end_moves_and_a_gap_is_zero(data: Say) -> None:
    assert data("00D60004010A") == "9000"
    assert content(data) == "000000000A"
    assert data("00D60008010B") == "9000"
    assert content(data) == "000000000A0000000B"
    assert data("00D60002010C") == "9000"
    assert content(data) == "00000C000A0000000B"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("00D603FF0101", "9000"),  # the last byte
        ("00D604000101", "6B00"),  # the first that is not there
        ("00D67FFF0101", "6B00"),
        ("00D603FF020102", "6A84"),
        ("00D60000", "6700"),
        ("00D6000000", "6700"),
        ("00D600000000", "6700"),
        ("00D6E0000101", "6A86"),
        ("00D69F000101", "6A86"),
        ("80D600000101", "6E00"),
        ("00D68E000101", "6A82"),  # no file with this short identifier
        ("00D680000101", "9000"),  # short identifier 0 means the current file
        ("00D60000010100", "9000"),  # Le is not looked at
        ("00D60000000001010000", "9000"),
        ("00D0000001" + "01", "6D00"),
        ("000E0000", "6D00"),
    ],
)
def test_answers(data: Say, command: str, answer: str) -> None:
    before = content(data)
    assert data(command) == answer
    assert (content(data) == before) is (answer != "9000")


def test_the_whole_file_and_no_more(data: Say) -> None:
    assert data(f"00D6000000{SIZE:04X}" + "5A" * SIZE) == "9000"
    assert content(data) == "5A" * SIZE
    assert data(f"00D6000000{SIZE + 1:04X}" + "A5" * (SIZE + 1)) == "6A84"
    assert data(f"00D6000100{SIZE:04X}" + "A5" * SIZE) == "6A84"
    assert content(data) == "5A" * SIZE


def test_no_current_file(say: Say) -> None:
    assert say("00D600000101") == "6986"
    assert say("00D680000101") == "6986"
    assert say("00D7000006540100530101") == "6986"


def test_a_short_identifier_makes_its_file_current_unless_the_command_fails(data: Say) -> None:
    assert data("00D68BFF0101") == "6B00"
    assert data("00D68E000101") == "6A82"
    assert data("00D600000102") == "9000"  # still EF.DATA
    assert content(data) == "02"
    assert data("00D68B000158") == "9000"
    assert data("00B0000002") == "58509000"  # EF.GW.ID


def test_parts_of_a_chain_are_joined(data: Say) -> None:
    assert data("10D60001020102") == "9000"
    assert data("00D60001020304") == "9000"
    assert content(data) == "0001020304"


@pytest.mark.parametrize(
    ("command", "answer", "written"),
    [
        ("00D7000006540101530101", "9000", "0001"),
        ("00D7000007" + "5402000153" + "0101", "9000", "0001"),
        ("00D7000008" + "5403000001" + "530101", "9000", "0001"),
        ("00D700000A" + "540101" + "7305" + "5301025401", "9000", "00" + "5301025401"),
        ("00D7000C06540101530101", "9000", "0001"),  # short identifier
        ("00D7E00C06540101530101", "9000", "0001"),  # file identifier
        ("00D7E00F06540101530101", "6A82", ""),
        ("00D7001206540101530101", "6A82", ""),
        ("10D70000055401015302", "9000", ""),
        ("00D7000007540204005301" + "01", "6B00", ""),
        ("00D7000008540203FF53020102", "6A84", ""),
        ("00D70000" + "03" + "530101", "6A80", ""),
        ("00D70000" + "03" + "540101", "6A80", ""),
        ("00D7000006530101540101", "6A80", ""),
        ("00D7000005540101" + "5300", "6A80", ""),
        ("00D7000005" + "5400" + "530101", "6A80", ""),
        ("00D7000009" + "540400000001" + "530101", "6A80", ""),
        ("00D7000006540101530201", "6A80", ""),
        ("00D7000006540101520101", "6A80", ""),
        ("00D70000", "6700", ""),
    ],
)
def test_the_odd_instruction(data: Say, command: str, answer: str, written: str) -> None:
    assert data(command) == answer
    data("00A4080C04DF01E00C")
    assert content(data) == written


def test_the_odd_instruction_in_a_chain(data: Say) -> None:
    assert data("10D70000" + "05" + "5401015303") == "9000"
    assert data("00D70000" + "03" + "010203") == "9000"
    assert content(data) == "00010203"


def test_the_checksum_goes_along_but_does_not_hide_damage(data: Say, card: Card) -> None:
    data("00D600000401020304")
    assert data("80F80000") == "9000"
    file = card._state.selection.current_file()
    file._content.data = b"\x01\x02\xff\x04"  # as a fault of the memory would
    assert data("00B0000000") == "0102FF046281"
    data("00D600000105")
    assert data("00B0000000") == "0502FF046281"
    data("00D600000401020304")
    assert data("00B0000000") == "010203049000"


# File: the phases in which the gateway alone may write, and those in which it needs the administrator.
WRITERS = {"E001": ("V", "PO"), "E005": ("V", "PO"), "E006": ("V", "PO"), "E00A": ("GVPO", ""), "E00B": ("GV", "")}


@pytest.mark.parametrize("phase", "GVPO")
@pytest.mark.parametrize("fid", WRITERS)
def test_who_may(phase: str, fid: str) -> None:
    module = Module(phase)
    module.say(f"00A4080C04DF01{fid}")
    alone, together = WRITERS[fid]
    assert module.say("00D600000101") == ("9000" if phase in alone else "6982")
    module.proofs.add("G")
    assert module.say("00D600000102") == ("9000" if phase in alone + together else "6982")
    assert module.plain("00D600000103") == "6982"
