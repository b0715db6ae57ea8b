# SPDX-License-Identifier: Apache-2.0
"""SELECT in all its forms."""

from collections.abc import Callable

import pytest

from secmod.card import Card
from secmod.emulator import build_card

Say = Callable[[str], str]

MF_NAME = "F054523033313039324D46"
APPLICATION = "F05452303331303932"
MF_FCP = "820178" + "83023F00" + "840B" + MF_NAME + "8A0105"
DF_FCP = "820178" + "8302DF01" + "8409" + APPLICATION + "8A0105"
ROOT_FCP = "80020800" + "820141" + "8302E001" + "880108" + "8A0105"


def template(tag: str, content: str) -> str:
    return f"{tag}{len(content) // 2:02X}{content}9000"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("00A4000C", "9000"),  # no data: the MF
        ("00A4000C023F00", "9000"),
        ("00A404040B" + MF_NAME + "00", template("62", MF_FCP)),
        ("00A4040400", template("62", MF_FCP)),  # no name: the MF
        ("00A4040409" + APPLICATION + "00", template("62", DF_FCP)),
        ("00A4040009" + APPLICATION + "00", template("6F", DF_FCP)),
        ("00A4040809" + APPLICATION + "00", template("64", "8409" + APPLICATION)),
        ("00A4040409" + APPLICATION, "9000"),  # without Le the description is withheld
        ("00A4010402DF0100", template("62", DF_FCP)),
        ("00A4000402DF0100", template("62", DF_FCP)),
        ("00A4020C022F01", "9000"),
        ("00A4080C04DF01E001", "9000"),
        ("00A4080404DF01E00100", template("62", ROOT_FCP)),
        ("00A4090404DF01E00100", template("62", ROOT_FCP)),
        ("00A4080802DF0100", template("64", "8409" + APPLICATION)),
        ("00A4080804DF01E00100", "64009000"),
        # not there
        ("00A4020C02E001", "6A82"),
        ("00A4010C022F01", "6A82"),
        ("00A4030C", "6A82"),  # the MF has no parent
        ("00A4080C04DF02E001", "6A82"),
        ("00A4040C05F054523039", "6A82"),
        # wrong parameters and lengths
        ("00A4050C", "6A86"),
        ("00A4FF0C", "6A86"),
        ("00A4001C", "6A86"),
        ("00A4000C013F", "6A87"),
        ("00A4020C", "6A87"),
        ("00A4020C03E00100", "6A87"),
        ("00A4080C", "6A87"),
        ("00A4080C03DF01E0", "6A87"),
        ("00A4030C023F00", "6A87"),
        ("00A4040C11" + "F0" * 17, "6A87"),
        # the answer must fit
        ("00A4040409" + APPLICATION + "05", "6C17"),
    ],
)
def test_from_the_mf(say: Say, command: str, answer: str) -> None:
    assert say(command) == answer


def test_a_truncated_name_finds_each_in_turn(say: Say) -> None:
    name = "08F054523033313039"
    assert say("00A40400" + name + "00") == template("6F", MF_FCP)
    assert say("00A40402" + name + "00") == template("6F", DF_FCP)
    assert say("00A40402" + name + "00") == "6A82"
    assert say("00A40403" + name + "00") == template("6F", MF_FCP)
    assert say("00A40403" + name + "00") == "6A82"
    assert say("00A40401" + name + "00") == template("6F", DF_FCP)


def test_identifiers_are_sought_from_the_current_df_outwards(say: Say) -> None:
    say("00A4040C09" + APPLICATION)
    assert say("00A4000C02E001") == "9000"  # a child
    assert say("00A4000C022F01") == "9000"  # a child of the parent
    assert say("00A4000C02E001") == "6A82"  # the MF is current now: no grandchildren
    assert say("00A4000C02DF01") == "9000"
    assert say("00A4030400") == template("62", MF_FCP)


def test_a_failed_selection_keeps_the_old_one(say: Say) -> None:
    say("00A4020C022F02")
    before = say("00B0000000")
    assert say("00A4020C02FFFE") == "6A82"
    assert say("00A4040409" + APPLICATION + "05") == "6C17"
    assert say("00B0000000") == before


def test_selecting_a_df_leaves_no_ef_current(say: Say) -> None:
    say("00A4020C022F02")
    say("00A4040C09" + APPLICATION)
    assert say("00B0000000") == "6986"


def test_reset_selects_the_mf(say: Say, card: Card) -> None:
    say("00A4040C09" + APPLICATION)
    card.reset()
    assert say("00A4020C022F01") == "9000"


@pytest.mark.parametrize(("state", "answer"), [("deactivated", "6283"), ("terminated", "6285")])
def test_a_file_out_of_use_is_selected_with_a_warning(tmp_path: object, state: str, answer: str) -> None:
    path = tmp_path / "worn.toml"  # type: ignore[operator]
    path.write_text(f'extends = "open"\n[profile]\nname = "worn"\n[[file]]\npath = "MF/EF.ATR"\nstate = "{state}"\n')
    card = build_card(path)
    card.power_on()
    response = card.transmit(bytes.fromhex("00A40204022F0100"))
    assert response[-2:].hex() == answer
    assert response[0] == 0x62
    assert card.transmit(bytes.fromhex("00B0000000")).hex() == "6982"
