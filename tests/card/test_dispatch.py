# SPDX-License-Identifier: Apache-2.0
"""Header checks in their order, and that any bytes get a well-formed response."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod.apdu import INS, CommandApdu
from secmod.card import Card
from secmod.emulator import build_card
from secmod.errors import NoPowerError
from tests.card.module import Module

Say = Callable[[str], str]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("", "6700"),
        ("00", "6700"),
        ("00A400", "6700"),
        ("00A400000002", "6700"),
        ("00A400000002" + "3F00" + "00", "6700"),
        ("04A4000C023F00", "6882"),
        ("08A4000C023F00", "6882"),
        ("0CA4000C023F00", "6988"),
        ("01A4000C023F00", "6881"),
        ("40A4000C023F00", "6881"),
        ("20A4000C023F00", "6E00"),
        ("FFA4000C023F00", "6E00"),
        ("80A4000C023F00", "6E00"),
        ("0062000000", "6D00"),
        ("009A000000", "6D00"),
        ("00F8000000", "6E00"),
        ("80F8000000", "9000"),
        ("80F80000", "9000"),
        ("80F80100", "6A86"),
        ("80F8000001" + "00", "6700"),
        ("0084000010" + "00" * 16, "6700"),
        ("00CADF2101", "059000"),
        ("00CADF2100", "059000"),
        ("00CADF2200", "6700"),  # the inventory is longer than 256 bytes and can not be cut
        ("00CADF2300", "6A88"),
        ("00CA003F00", "6A86"),
        ("00CA004000", "6A88"),
        ("00B2010400", "6D00"),
        ("00C0000000", "6D00"),
        ("00C2000000", "6D00"),
    ],
)
def test_answers(say: Say, command: str, answer: str) -> None:
    assert say(command) == answer


@pytest.mark.parametrize(("ne", "answer"), [(7, "6700"), (257, "6700"), (0, "6700")])
def test_length_of_a_challenge(say: Say, ne: int, answer: str) -> None:
    assert say("00840000" + ("" if ne == 0 else f"{ne:02X}" if ne < 256 else f"00{ne:04X}")) == answer


def test_a_challenge_of_the_right_length_is_remembered(say: Say, card: Card) -> None:
    first = bytes.fromhex(say("0084000010"))[:-2]
    assert card._state.challenge == first
    say("0084000008")
    assert card._state.challenge == first
    second = bytes.fromhex(say("0084000010"))[:-2]
    assert card._state.challenge == second != first
    card.reset()
    assert card._state.challenge is None


def test_random_numbers(say: Say, module: Card) -> None:
    assert len(say("8084000000")) == 2 * 256 + 4
    assert len(say("80840000000000")) == 2 * 65536 + 4
    assert say("80840000") == "6700"
    assert say("80840000000401")[-4:] == "9000"
    assert module.transmit(bytes.fromhex("80840000000400")).hex() == "6982"


def test_a_command_longer_than_the_buffer(module: Card) -> None:
    long = bytes.fromhex("00A40000") + b"\x00" + (4100).to_bytes(2) + bytes(4100)
    assert module.transmit(long).hex() == "6700"


def test_a_chain_longer_than_the_buffer(module: Card) -> None:
    part = bytes.fromhex("102A00A8") + b"\x00" + (2000).to_bytes(2) + bytes(2000)
    assert [module.transmit(part).hex() for _ in range(3)] == ["9000", "9000", "6700"]
    assert module.transmit(part).hex() == "9000"  # a new chain


def test_a_card_without_power_says_nothing() -> None:
    card = build_card("open")
    with pytest.raises(NoPowerError):
        card.transmit(b"\x00\xa4\x00\x00")
    with pytest.raises(NoPowerError):
        card.reset()
    assert card.power_on() == card.atr
    assert card.transmit(bytes.fromhex("00A4000C")) == b"\x90\x00"
    card.power_off()
    with pytest.raises(NoPowerError):
        card.transmit(b"\x00\xa4\x00\x00")


headers = st.tuples(
    st.sampled_from([0x00, 0x00, 0x00, 0x10, 0x80, 0x0C]),
    st.sampled_from([*INS, 0xF8]),
    st.sampled_from([0x00, 0x04, 0x41, 0x80, 0x81, 0x9E, 0xC0, 0xDF, 0xF3]) | st.integers(0, 255),
    st.sampled_from([0x00, 0x0C, 0x21, 0x81, 0x9A, 0xA8, 0xB6]) | st.integers(0, 255),
).map(bytes)
bodies = st.binary(max_size=40) | st.builds(lambda data: bytes([len(data)]) + data, st.binary(min_size=1, max_size=200))
_CARD = build_card("open")
_CARD.power_on()


@given(st.lists(st.builds(bytes.__add__, headers, bodies) | st.binary(max_size=300), max_size=8))
def test_any_bytes_get_a_well_formed_response(commands: list[bytes]) -> None:
    for command in commands:
        response = _CARD.transmit(command)
        assert len(response) >= 2
        sw = int.from_bytes(response[-2:])
        assert 0x6000 <= sw <= 0x9000
        assert sw != 0x6F00
        if sw >> 8 in range(0x64, 0x70):
            assert len(response) == 2


@pytest.mark.parametrize("channel", [1, 2, 3])
def test_logical_channels_are_refused_under_secure_messaging_too(channel: int) -> None:
    module = Module("V")
    protected = bytearray(module.session.protect_command(CommandApdu(0x00, INS.GET_DATA, 0xDF, 0x21, b"", 1)))
    protected[0] |= channel
    assert module.card.transmit(bytes(protected)).hex() == "6881"  # in plain, and the session is over
    assert module.card._state.session is None
