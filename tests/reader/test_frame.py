# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod.errors import LinkError
from secmod.reader import frame as module
from secmod.reader.frame import MAX_FRAME, MAX_PAYLOAD, Fault, Frame, FrameType, Hello, Refusal, Role, Welcome

HEADER_FILE = Path(__file__).parents[2] / "native" / "ifd" / "protocol.h"

frames = st.builds(Frame, st.sampled_from(FrameType), st.integers(0, 2**32 - 1), st.binary(max_size=300))


def constants() -> dict[str, str]:
    return dict(re.findall(r"^#define (\w+) (\S+)", HEADER_FILE.read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize(
    ("prefix", "enum"), [("FRAME_", FrameType), ("ROLE_", Role), ("FAULT_", Fault), ("REFUSAL_", Refusal)], ids=str
)
def test_the_driver_has_the_same_words(prefix: str, enum: type[IntEnum]) -> None:
    there = {name.removeprefix(prefix): int(value, 0) for name, value in constants().items() if name.startswith(prefix)}
    assert there == {member.name: member.value for member in enum}


def test_the_driver_has_the_same_lengths() -> None:
    there = constants()
    for name in ("VERSION", "HEADER", "MAX_PAYLOAD", "MAX_FRAME", "TOKEN"):
        assert int(there[f"LINK_{name}"]) == getattr(module, name)
    assert there["LINK_MAGIC"].strip('"').encode() == module.MAGIC
    assert int(there["LINK_HELLO_PAYLOAD"]) == len(Hello(Role.DATA, bytes(8)).encode()) - module.HEADER


@given(frames)
def test_a_frame_survives_the_wire(frame: Frame) -> None:
    assert Frame.parse(frame.encode()) == frame


@given(st.binary(max_size=64))
def test_any_bytes_are_a_frame_or_a_link_error(raw: bytes) -> None:
    try:
        frame = Frame.parse(raw)
    except LinkError as error:
        assert str(error)  # noqa: PT017 - both outcomes are right
    else:
        assert frame.encode() == raw


@given(st.binary(max_size=64))
def test_any_answer_to_a_hello_is_a_welcome_or_a_link_error(raw: bytes) -> None:
    try:
        assert Welcome.parse(raw).version == module.VERSION
    except LinkError as error:
        assert str(error)  # noqa: PT017 - both outcomes are right


def test_a_frame_carries_65548_bytes_and_no_more() -> None:
    assert len(Frame(FrameType.TRANSMIT, 1, bytes(MAX_PAYLOAD)).encode()) == MAX_FRAME
    with pytest.raises(LinkError, match="65549 bytes do not fit"):
        Frame(FrameType.TRANSMIT, 1, bytes(MAX_PAYLOAD + 1)).encode()
    with pytest.raises(LinkError, match="65557 bytes are no frame"):
        Frame.parse(b"\x05" + bytes(MAX_FRAME))


def test_the_driver_of_another_version_is_named() -> None:
    with pytest.raises(LinkError, match="speaks version 2, secmod speaks 1; install both from one release"):
        Welcome.parse(Frame(FrameType.WELCOME, 0, b"\x02\x00\xd0\x07\x00\x00").encode())


def test_a_refusal_carries_the_drivers_sentence() -> None:
    with pytest.raises(LinkError, match="refuses: process 7 serves the reader"):
        Welcome.parse(Frame(FrameType.REFUSED, 0, b"\x02process 7 serves the reader").encode())
