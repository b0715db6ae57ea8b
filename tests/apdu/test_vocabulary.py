# SPDX-License-Identifier: Apache-2.0
"""Status words, instructions and tags."""

from __future__ import annotations

import copy
import pickle
from enum import IntEnum

import pytest

from secmod.apdu import INS, SW, tags
from secmod.apdu.ins import ins_title, is_invalid_ins


def test_status_words_print_as_four_digits():
    assert str(SW.OK) == "9000"
    assert f"{SW.WRONG_DATA}" == "6A80"
    assert f"{SW.WRONG_DATA:#06x}" == "0x6a80"
    assert repr(SW.OK) == "SW.OK"
    assert repr(SW(0x1234)) == "SW(0x1234)"
    assert str(SW(0x0001)) == "0001"


def test_every_value_is_a_status_word_and_one_object():
    for value in (0x0000, 0x1234, 0x6112, 0x63C2, 0x9000, 0x9101, 0xFFFF):
        assert SW(value) == value
        assert SW(value) is SW(value)
        assert pickle.loads(pickle.dumps(SW(value))) is SW(value)  # noqa: S301
        assert copy.deepcopy(SW(value)) is SW(value)
    for value in (-1, 0x10000):
        with pytest.raises(ValueError, match="not a valid SW"):
            SW(value)


def test_pseudo_members_do_not_show_among_the_members():
    SW(0x1234)
    assert 0x1234 not in list(SW)
    assert SW(0x1234).name == "SW_1234"


@pytest.mark.parametrize(
    ("made", "value"),
    [
        (SW.retries_left(0), 0x63C0),
        (SW.retries_left(3), 0x63C3),
        (SW.retries_left(15), 0x63CF),
        (SW.retries_left(200), 0x63CF),
        (SW.bytes_waiting(1), 0x6101),
        (SW.bytes_waiting(255), 0x61FF),
        (SW.bytes_waiting(256), 0x6100),
        (SW.bytes_waiting(5000), 0x6100),
        (SW.correct_le(1), 0x6C01),
        (SW.correct_le(255), 0x6CFF),
        (SW.correct_le(256), 0x6C00),
    ],
)
def test_families_with_a_count(made: SW, value: int):
    assert made == value
    assert isinstance(made, SW)


def test_every_value_has_a_meaning_and_is_done_or_warning_or_error():
    for value in range(0x10000):
        sw = SW(value)
        assert sw.meaning.endswith(".")
        assert "{" not in sw.meaning
        assert (sw.sw1, sw.sw2) == (value >> 8, value & 0xFF)
        assert sw.is_warning is (sw.sw1 in (0x62, 0x63))
        assert sw.is_error is not (sw.is_warning or sw.sw1 == 0x61 or value == 0x9000)


def test_every_named_status_word_has_a_meaning_of_its_own():
    meanings = [sw.meaning for sw in SW]
    assert len(set(meanings)) == len(meanings)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (0x63C1, "1 try left"),
        (0x63C2, "2 tries left"),
        (0x6114, "20 or more"),
        (0x6100, "256 or more"),
        (0x6C40, "64 bytes"),
        (0x6C00, "256 bytes"),
        (0x62D0, "warning"),
        (0x1234, "Not a status word"),
    ],
)
def test_meanings_of_families(value: int, part: str):
    assert part in SW(value).meaning


def test_instructions():
    assert INS.SELECT.title == "SELECT"
    assert INS.READ_BINARY_BER.title == "READ BINARY (BER-TLV)"
    assert ins_title(0x2A) == "PERFORM SECURITY OPERATION"
    assert ins_title(0x77) == "INS 77"
    assert not any(is_invalid_ins(ins) for ins in INS)
    assert [ins for ins in range(256) if is_invalid_ins(ins)] == [*range(0x60, 0x70), *range(0x90, 0xA0)]
    for ins in INS:
        assert ins.name.endswith("_BER") is bool(ins & 1)


def test_the_instruction_table_of_the_standard():
    even = "04 06 08 0C 0E 20 22 24 26 28 2A 2C 44 46 70 82 84 86 88 A0 A2 A4 B0 B2 C0 C2 CA D0 D2 D6 DA DC E0 E2 E4 E6 E8 EA FE"
    odd = "0F 21 47 87 A1 B1 B3 C3 CB D1 D7 DB DD"
    assert {int(ins) for ins in INS} == {*bytes.fromhex(even), *bytes.fromhex(odd)}


@pytest.mark.parametrize("name", tags.__all__)
def test_tags_are_of_minimal_form(name: str):
    from tests.reference.tlv import parse_one

    enum: type[IntEnum] = getattr(tags, name)
    for tag in enum:
        if tag:
            octets = tag.to_bytes((tag.bit_length() + 7) // 8, "big")
            assert parse_one(octets + b"\x00") == (octets, b"", b"")
