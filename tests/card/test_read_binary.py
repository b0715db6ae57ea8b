# SPDX-License-Identifier: Apache-2.0
"""READ BINARY: offsets, ends, short identifiers, and the odd instruction."""

from collections.abc import Callable

import pytest

from secmod.card import Card
from secmod.emulator import build_card

Say = Callable[[str], str]

GDO = "5A0AF0031092000000000001"  # 12 bytes in a file of 16


@pytest.fixture
def gdo(say: Say) -> Say:
    assert say("00A4020C022F02") == "9000"
    return say


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("00B0000000", GDO + "9000"),
        ("00B00000000000", GDO + "9000"),  # extended, "all"
        ("00B000000C", GDO + "9000"),  # exactly to the end
        ("00B000000D", GDO + "6282"),  # one more
        ("00B0000000000D", GDO + "6282"),
        ("00B00000000100", GDO + "6282"),  # extended 0100 is a definite 256
        ("00B0000002", "5A0A9000"),
        ("00B0000B00", "019000"),
        ("00B0000B02", "016282"),
        ("00B0000C00", "6B00"),
        ("00B07FFF00", "6B00"),
        ("00B00000", "9000"),  # no Le: no data
        ("00B0000C", "6B00"),
        ("00B000000102", "6700"),  # data is not for this command
        ("00B0E00000", "6A86"),  # bits 7 and 6 of P1 with a short identifier
        ("00B09F0000", "6A86"),  # 31 is no short identifier
        ("80B0000000", "6E00"),
    ],
)
def test_current_file(gdo: Say, command: str, answer: str) -> None:
    assert gdo(command) == answer


def test_no_current_file(say: Say) -> None:
    assert say("00B0000000") == "6986"
    assert say("00B0800000") == "6986"  # short identifier 0 means the current file
    assert say("00B1000004540200000000") == "6700"
    assert say("00B10000045402000000") == "6986"


def test_a_short_identifier_makes_its_file_current(say: Say) -> None:
    assert say("00B0820000") == GDO + "9000"
    assert say("00B0000002") == "5A0A9000"
    assert say("00B0820A02") == "00019000"
    assert say("00B0800002") == "5A0A9000"


def test_a_failing_short_identifier_does_not(say: Say) -> None:
    say("00A4020C022F02")
    assert say("00B0850000") == "6A82"  # no such file in the MF
    assert say("00B09D7F00") == "6B00"  # EF.ATR is shorter
    assert say("00B0000002") == "5A0A9000"


def test_empty_file(say: Say) -> None:
    say("00A4080C04DF01E001")
    assert say("00B0000000") == "6B00"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("00B10000045402000000", "530C" + GDO + "9000"),
        ("00B100000354010000", "530C" + GDO + "9000"),
        ("00B10002035401" + "0A00", "530200019000"),
        ("00B12F02035401" + "0A00", "530200019000"),
        ("00B100000354010005", "53035A0AF09000"),  # Le counts the whole object
        ("00B100000354010010", "530C" + GDO + "6282"),
        ("00B10000035401000E", "530C" + GDO + "9000"),
        ("00B100000354010C00", "6B00"),
        ("00B1000005540300010000", "6B00"),
        ("00B100000354010002", "6C03"),
        ("00B12F0303540100" + "00", "6A82"),
        ("00B1001F03540100" + "00", "6A82"),
        ("00B10000025400" + "00", "6A80"),
        ("00B100000653010054010000", "6A80"),
        ("00B1000003530100" + "00", "6A80"),
        ("00B100000154" + "00", "6A80"),
        ("00B1000000", "6700"),
        ("00B100000354010000" + "00", "6700"),
    ],
)
def test_odd_instruction(gdo: Say, command: str, answer: str) -> None:
    assert gdo(command) == answer


@pytest.fixture
def large(tmp_path: object) -> Card:
    """A card with a file of 65,536 bytes."""
    path = tmp_path / "large.toml"  # type: ignore[operator]
    content = bytes(index % 251 for index in range(65536)).hex()
    path.write_text(
        'extends = "open"\n[profile]\nname = "large"\n[[file]]\npath = "MF/EF.LARGE"\nfid = 0x1000\nsize = 65536\n'
        f'content = "{content}"\nread = "public"\n'
    )
    card = build_card(path)
    card.power_on()
    assert card.transmit(bytes.fromhex("00A4020C021000")) == b"\x90\x00"
    return card


def test_a_whole_large_file_at_once(large: Card) -> None:
    response = large.transmit(bytes.fromhex("00B00000000000"))
    assert response == bytes(index % 251 for index in range(65536)) + b"\x90\x00"


@pytest.mark.parametrize("offset", [0, 0x7FFF, 0x8000, 0xFF00, 0xFFFE, 0xFFFF])
@pytest.mark.parametrize("ne", [3, 129, 130, 131, 258, 259, 260, 65536])
def test_odd_instruction_in_a_large_file(large: Card, offset: int, ne: int) -> None:
    command = bytes.fromhex("00B10000000005") + b"\x54\x03" + offset.to_bytes(3) + (ne & 0xFFFF).to_bytes(2)
    response = large.transmit(command)
    assert response[0] == 0x53
    header = 2 if response[1] < 0x80 else 2 + (response[1] & 0x7F)
    value = response[header:-2]
    assert value == bytes(index % 251 for index in range(offset, offset + len(value)))
    assert len(response) - 2 <= ne
    rest = 65536 - offset
    if len(value) < rest:
        assert response[-2:] == b"\x90\x00"
        assert len(response) - 2 >= ne - 1  # a longer length field may cost one byte
    else:
        assert response[-2:] == (b"\x90\x00" if ne in (len(response) - 2, 65536) else b"\x62\x82")
