# SPDX-License-Identifier: Apache-2.0
"""Data fields that are secrets are erased when their work is done; `make secrets` looks at the memory of a whole process."""

from __future__ import annotations

import pytest

from secmod.apdu import CommandApdu
from secmod.errors import CardError
from tests.card.module import Module
from tests.card.sessions import PIN


def data_of(fields: str, text: str) -> CommandApdu:
    """The command, with a data field of its own."""
    return CommandApdu(*bytes.fromhex(fields), b"".join([text.encode()[:1], text.encode()[1:]]))


@pytest.mark.parametrize(
    ("kind", "header", "text", "sw"),
    [
        ("PIN.GW", "00240103", "47110815", 0x6A80),
        ("PIN.GW", "00240103", "4711081500", 0x9000),
        ("PIN.GW", "00240003", PIN + "4711081500", 0x9000),
        ("PIN.GW", "00240003", "0" + PIN[1:] + "4711081500", 0x63C9),
        ("PIN.GW", "002C0203", "4711081500", 0x6982),
        ("PUK.GW", "002C0203", "4711081500", 0x9000),
        ("PIN.GW", "00200003", PIN, 0x6982),
    ],
)
def test_passwords(kind: str, header: str, text: str, sw: int) -> None:
    module = Module()
    module.pace(kind)
    command = data_of(header, text)
    module.card._state.security_status.protected = True
    try:
        module.card._dispatcher.dispatch(command, module.card._state)
        ended = 0x9000
    except CardError as error:
        ended = error.sw
    assert ended == sw
    assert command.data == bytes(len(text))


def test_what_is_no_secret_stays() -> None:
    module = Module()
    command = CommandApdu(0x00, 0x22, 0x81, 0xB6, b"\x83\x01\x81")
    with pytest.raises(CardError):
        module.card._dispatcher.dispatch(command, module.card._state)
    assert command.data == b"\x83\x01\x81"


def test_an_agreed_value_arrives_and_the_next_answers_are_whole() -> None:
    module = Module("V")
    point = module.say("0046C09100")[10:-4]
    other = module.say("0046C09200")[10:-4]
    module.say("002241A60684019180010B")
    z = module.say(f"00860000457C438541{other}00")
    assert z.endswith("9000")
    assert len(z) == 2 * (4 + 32 + 2)
    assert z[8:-4] != "00" * 32
    assert module.say("00CADF2100") == "039000"
    assert module.say(f"0024010310{(2 * '47110815').encode().hex()}") == "9000"
    assert module.say("0024010302AAAA") == "6A80"
    assert module.say("00CADF2100") == "039000"
    assert point != other
