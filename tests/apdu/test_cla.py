# SPDX-License-Identifier: Apache-2.0
"""The class byte: all 256 values against the rows of the standard, in Python and in the core."""

from __future__ import annotations

import pytest

from secmod._native import ffi, lib
from secmod.apdu import SW, ClassByte, ClassForm, CommandApdu, SecureMessaging
from secmod.errors import ApduError
from tests.reference.apdu import class_fields

FORMS = {
    "first": ClassForm.FIRST,
    "further": ClassForm.FURTHER,
    "proprietary": ClassForm.PROPRIETARY,
    "reserved": ClassForm.RESERVED,
}


@pytest.mark.parametrize("cla", range(256))
def test_every_class_byte_against_its_row(cla: int):
    row = class_fields(cla)
    decoded = ClassByte.decode(cla)
    assert decoded.value == cla
    assert decoded.form is FORMS[str(row["form"])]
    assert decoded.reserved is (row["form"] == "reserved")
    assert decoded.proprietary is (row["form"] == "proprietary")
    if decoded.reserved:
        return
    further = row["form"] == "further"
    assert decoded.channel == int(row["n"]) + (4 if further else 0)
    assert decoded.chaining is bool(row["c"])
    assert decoded.secure == (int(row["s"]) * 2 if further else row["s"])

    built = ClassByte.build(
        channel=decoded.channel, chaining=decoded.chaining, secure=decoded.secure, proprietary=decoded.proprietary
    )
    if decoded.proprietary:  # b7 and b6 have no meaning there; they are built as zeros
        assert built.value == cla & 0x9F
        assert (built.channel, built.chaining, built.secure) == (decoded.channel, decoded.chaining, decoded.secure)
    else:
        assert built == decoded


@pytest.mark.parametrize("cla", range(256))
def test_the_core_decodes_every_class_byte_alike(cla: int):
    decoded = ClassByte.decode(cla)
    out = ffi.new("struct secmod_command *")
    status = lib.secmod_command_parse(bytes([cla, 0xB0, 0, 0]), 4, out)
    if decoded.reserved:
        assert status == SW.CLA_NOT_SUPPORTED
        return
    assert status == SW.OK
    assert (out.channel, out.chaining, out.secure, out.proprietary) == (
        decoded.channel,
        decoded.chaining,
        decoded.secure,
        decoded.proprietary,
    )
    command = CommandApdu.parse(bytes([cla, 0xB0, 0, 0]))
    assert command.class_byte is decoded
    assert (command.channel, command.chaining, command.secure, command.proprietary) == (
        decoded.channel,
        decoded.chaining,
        decoded.secure,
        decoded.proprietary,
    )


# Written down from the usual values of the standard, not calculated.
@pytest.mark.parametrize(
    ("cla", "channel", "chaining", "secure", "proprietary"),
    [
        (0x00, 0, False, SecureMessaging.NONE, False),
        (0x10, 0, True, SecureMessaging.NONE, False),
        (0x0C, 0, False, SecureMessaging.STANDARD_WITH_HEADER, False),
        (0x1C, 0, True, SecureMessaging.STANDARD_WITH_HEADER, False),
        (0x08, 0, False, SecureMessaging.STANDARD, False),
        (0x04, 0, False, SecureMessaging.PROPRIETARY, False),
        (0x03, 3, False, SecureMessaging.NONE, False),
        (0x40, 4, False, SecureMessaging.NONE, False),
        (0x4F, 19, False, SecureMessaging.NONE, False),
        (0x50, 4, True, SecureMessaging.NONE, False),
        (0x6A, 14, False, SecureMessaging.STANDARD, False),
        (0x7F, 19, True, SecureMessaging.STANDARD, False),
        (0x80, 0, False, SecureMessaging.NONE, True),
        (0x8C, 0, False, SecureMessaging.STANDARD_WITH_HEADER, True),
        (0x84, 0, False, SecureMessaging.PROPRIETARY, True),
        (0x9C, 0, True, SecureMessaging.STANDARD_WITH_HEADER, True),
        (0xFE, 2, True, SecureMessaging.STANDARD_WITH_HEADER, True),
    ],
)
def test_usual_class_bytes(cla: int, channel: int, chaining: bool, secure: SecureMessaging, proprietary: bool):
    decoded = ClassByte.decode(cla)
    assert (decoded.channel, decoded.chaining, decoded.secure, decoded.proprietary) == (channel, chaining, secure, proprietary)


def test_exactly_33_class_bytes_are_reserved():
    assert [cla for cla in range(256) if ClassByte.decode(cla).reserved] == [*range(0x20, 0x40), 0xFF]


def check_built(channel: int, chaining: bool, secure: SecureMessaging, proprietary: bool) -> None:
    refused = None
    if channel > 3 and proprietary:
        refused = SW.CHANNEL_NOT_SUPPORTED
    elif channel > 3 and secure not in (SecureMessaging.NONE, SecureMessaging.STANDARD):
        refused = SW.SM_NOT_SUPPORTED
    if refused is not None:
        with pytest.raises(ApduError) as caught:
            ClassByte.build(channel=channel, chaining=chaining, secure=secure, proprietary=proprietary)
        assert caught.value.sw == refused
        return
    built = ClassByte.build(channel=channel, chaining=chaining, secure=secure, proprietary=proprietary)
    assert not built.reserved
    assert (built.channel, built.chaining, built.secure, built.proprietary) == (channel, chaining, secure, proprietary)


def test_built_class_bytes_are_never_reserved_and_say_what_was_asked():
    for channel in range(20):
        for chaining in (False, True):
            for secure in SecureMessaging:
                for proprietary in (False, True):
                    check_built(channel, chaining, secure, proprietary)


@pytest.mark.parametrize("channel", [-1, 20])
def test_channels_that_no_class_byte_has(channel: int):
    with pytest.raises(ApduError) as caught:
        ClassByte.build(channel=channel)
    assert caught.value.sw == SW.CHANNEL_NOT_SUPPORTED


@pytest.mark.parametrize("value", [-1, 256])
def test_what_is_no_byte_is_no_class_byte(value: int):
    with pytest.raises(ApduError) as caught:
        ClassByte.decode(value)
    assert caught.value.sw == SW.CLA_NOT_SUPPORTED
