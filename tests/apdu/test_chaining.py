# SPDX-License-Identifier: Apache-2.0
"""Command chaining: the scenarios of ISO/IEC 7816-4 clause 5.3.3 at the card's end, and splitting at the host's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod.apdu import INS, SW, ChainBuffer, CommandApdu, split
from secmod.errors import ApduError, CardError

PSO = INS.PERFORM_SECURITY_OPERATION


def part(data: bytes, *, more: bool = True, cla: int = 0x00, p2: int = 0xBE, ne: int = 0) -> CommandApdu:
    return CommandApdu(cla | (0x10 if more else 0), PSO, 0x00, p2, data, ne)


def test_a_command_outside_any_chain_is_given_back_as_it_is():
    chain = ChainBuffer(4096)
    command = part(b"alone", more=False)
    assert chain.push(command) is command
    assert not chain.is_open


def test_parts_are_joined_and_the_last_one_carries_le():
    chain = ChainBuffer(4096)
    assert chain.push(part(b"ab")) is None
    assert chain.push(part(b"")) is None
    assert chain.push(part(b"cd", ne=7)) is None  # Le of a part that is not the last has no meaning
    assert chain.is_open
    assert chain.push(part(b"ef", more=False, ne=256)) == CommandApdu(0x00, PSO, 0x00, 0xBE, b"abcdef", 256)
    assert not chain.is_open


def test_a_chain_may_be_longer_than_any_short_command():
    chain = ChainBuffer(1000)
    for _ in range(3):
        assert chain.push(part(bytes(255))) is None
    joined = chain.push(part(bytes(235), more=False, ne=256))
    assert joined is not None
    assert (joined.nc, joined.ne, joined.extended) == (1000, 256, False)
    assert CommandApdu.parse(joined.encode()).data == joined.data


def test_a_chain_is_used_once():
    chain = ChainBuffer(4096)
    chain.push(part(b"ab"))
    chain.push(part(b"cd", more=False))
    again = part(b"cd", more=False)
    assert chain.push(again) is again


@pytest.mark.parametrize(
    "other",
    [
        CommandApdu(0x00, INS.READ_BINARY, 0x00, 0x00, ne=256),  # another instruction
        CommandApdu(0x00, PSO, 0x00, 0xA8, b"cd"),  # another P2
        CommandApdu(0x00, PSO, 0x01, 0xBE, b"cd"),  # another P1
        CommandApdu(0x0C, PSO, 0x00, 0xBE, b"cd"),  # another secure messaging
        CommandApdu(0x01, PSO, 0x00, 0xBE, b"cd"),  # another channel
        CommandApdu(0x80, PSO, 0x00, 0xBE, b"cd"),  # proprietary
        CommandApdu(0x40, PSO, 0x00, 0xBE, b"cd"),  # the further class form
    ],
)
def test_an_interrupting_command_is_executed_and_the_chain_forgotten(other: CommandApdu):
    chain = ChainBuffer(4096)
    chain.push(part(b"ab"))
    assert chain.push(other) is other
    assert not chain.is_open
    last = part(b"cd", more=False)
    assert chain.push(last) is last, "going on with the old chain is a command of its own"


def test_an_interrupting_chain_starts_anew():
    chain = ChainBuffer(4096)
    chain.push(part(b"ab"))
    assert chain.push(part(b"cd", p2=0xA8)) is None
    assert chain.push(part(b"ef", p2=0xA8, more=False)) == CommandApdu(0x00, PSO, 0x00, 0xA8, b"cdef")


@pytest.mark.parametrize("cla", [0x00, 0x03, 0x0C, 0x40, 0x4F, 0x60, 0x80, 0x8C])
def test_the_chaining_bit_of_every_class_form_is_the_only_difference_allowed(cla: int):
    chain = ChainBuffer(4096)
    assert chain.push(part(b"ab", cla=cla)) is None
    assert chain.push(part(b"cd", cla=cla, more=False)) == CommandApdu(cla, PSO, 0x00, 0xBE, b"abcd")


@pytest.mark.parametrize("bit", [0x01, 0x02, 0x04, 0x08, 0x20, 0x40, 0x80])
def test_every_other_bit_of_the_class_interrupts(bit: int):
    chain = ChainBuffer(4096)
    chain.push(part(b"ab"))
    other = part(b"cd", more=False)._replace(cla=bit)
    assert chain.push(other) is other


def test_a_chain_that_outgrows_the_buffer_is_refused_and_forgotten():
    chain = ChainBuffer(10)
    assert chain.push(part(bytes(10))) is None
    with pytest.raises(CardError) as caught:
        chain.push(part(b"x"))
    assert caught.value.sw == SW.WRONG_LENGTH
    assert not chain.is_open
    chain.push(part(bytes(5)))
    with pytest.raises(CardError):
        chain.push(part(bytes(6), more=False))
    assert not chain.is_open
    with pytest.raises(CardError):
        chain.push(part(bytes(11)))
    assert not chain.is_open


def test_a_limit_does_not_concern_commands_outside_chains():
    command = part(bytes(100), more=False)
    assert ChainBuffer(10).push(command) is command


def test_an_error_in_a_part_clears_the_chain():
    chain = ChainBuffer(4096)
    chain.push(part(b"ab"))
    chain.clear()
    last = part(b"cd", more=False)
    assert chain.push(last) is last


def test_instructions_that_can_not_be_chained():
    chain = ChainBuffer(4096, {PSO})
    chain.push(part(b"ab"))
    with pytest.raises(CardError) as caught:
        chain.push(CommandApdu(0x10, INS.SELECT, 0, 0, b"\x3f\x00"))
    assert caught.value.sw == SW.CHAINING_NOT_SUPPORTED
    assert not chain.is_open
    plain = CommandApdu(0x00, INS.SELECT, 0, 0, b"\x3f\x00")
    assert chain.push(plain) is plain


def test_splitting():
    command = CommandApdu(0x00, PSO, 0x00, 0xBE, bytes(range(256)) * 2, 256)
    parts = split(command, 200)
    assert [(item.cla, item.nc, item.ne, item.case) for item in parts] == [
        (0x10, 200, 0, "3S"),
        (0x10, 200, 0, "3S"),
        (0x00, 112, 256, "4S"),
    ]
    assert split(command, 512) == [command]
    assert [item.nc for item in split(command, 256)] == [256, 256]


@pytest.mark.parametrize("max_nc", [0, -1, 65536])
def test_parts_have_a_length(max_nc: int):
    with pytest.raises(ApduError) as caught:
        split(part(bytes(10), more=False), max_nc)
    assert caught.value.sw == SW.WRONG_LENGTH


@pytest.mark.parametrize("cla", [0x10, 0x20, 0xFF])
def test_what_is_a_part_or_no_class_can_not_be_split(cla: int):
    with pytest.raises(ApduError) as caught:
        split(CommandApdu(cla, PSO, 0x00, 0xBE, bytes(300)))
    assert caught.value.sw == SW.CLA_NOT_SUPPORTED


classes = st.sampled_from([0x00, 0x01, 0x0C, 0x40, 0x6F, 0x80, 0x8C])


@given(classes, st.binary(max_size=2000), st.sampled_from([0, 1, 256, 65536]), st.integers(1, 2000))
def test_what_is_split_is_joined_again(cla: int, data: bytes, ne: int, max_nc: int):
    command = CommandApdu(cla, PSO, 0x00, 0xBE, data, ne)
    chain = ChainBuffer(2000)
    *parts, last = split(command, max_nc)
    assert all(item.chaining and 1 <= item.nc <= max_nc and item.ne == 0 for item in parts)
    assert not last.chaining
    assert last.nc <= max_nc
    for item in parts:
        assert chain.push(CommandApdu.parse(item.encode())) is None
    joined = chain.push(CommandApdu.parse(last.encode()))
    assert joined is not None
    assert joined[:6] == command[:6]


commands = st.builds(
    lambda cla, p2, data: CommandApdu(cla, PSO, 0, p2, data),
    st.sampled_from([0x00, 0x10, 0x0C, 0x1C]),
    st.integers(0, 1),
    st.binary(max_size=8),
)


@given(st.lists(commands, max_size=12))
def test_any_sequence_of_commands_gives_what_the_rule_says(sequence: list[CommandApdu]):
    limit = 20
    chain = ChainBuffer(limit)
    collected: list[CommandApdu] = []
    for command in sequence:
        same = bool(collected) and (command.cla & 0xEF, command.p2) == (collected[0].cla & 0xEF, collected[0].p2)
        collected = [*collected, command] if same else [command]
        data = b"".join(item.data for item in collected)
        if len(data) > limit:
            with pytest.raises(CardError):
                chain.push(command)
            collected = []
        elif command.chaining:
            assert chain.push(command) is None
        else:
            assert chain.push(command) == command._replace(data=data)
            collected = []
        assert chain.is_open is bool(collected)
