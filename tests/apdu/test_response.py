# SPDX-License-Identifier: Apache-2.0
"""Response APDUs, and the cursor with its bounds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod.apdu import SW, Cursor, ResponseApdu
from secmod.errors import ApduError, TlvError


@given(st.binary(min_size=2, max_size=300))
def test_parse_and_encode_are_inverse(raw: bytes):
    response = ResponseApdu.parse(raw)
    assert response.encode() == raw
    assert isinstance(response.sw, SW)
    assert response.ok is (raw[-2:] == b"\x90\x00")


@given(st.binary(max_size=300), st.integers(0, 0xFFFF))
def test_encode_and_parse_are_inverse(data: bytes, sw: int):
    response = ResponseApdu(data, SW(sw))
    assert ResponseApdu.parse(response.encode()) == response


@pytest.mark.parametrize("raw", [b"", b"\x90"])
def test_a_response_has_a_status_word(raw: bytes):
    with pytest.raises(ApduError, match="status word"):
        ResponseApdu.parse(raw)


@pytest.mark.parametrize(
    ("length", "sw", "ne", "left"),
    [
        (10, SW.OK, 0, 0),  # no Le: the data is not shown
        (10, SW.OK, 9, 9),
        (10, SW.OK, 10, 10),
        (10, SW.OK, 256, 10),
        (10, SW.END_OF_FILE, 256, 10),
        (10, SW.bytes_waiting(3), 256, 10),
        (10, SW.WRONG_DATA, 256, 0),  # never data with an error
        (0, SW.OK, 0, 0),
        (65536, SW.OK, 65536, 65536),
    ],
)
def test_what_may_go_out(length: int, sw: SW, ne: int, left: int):
    assert ResponseApdu(bytes(length), sw).fitted(ne) == ResponseApdu(bytes(left), sw)


def test_the_cursor_takes_what_is_there():
    cursor = Cursor(bytes.fromhex("0102030405"))
    assert cursor.take(2) == b"\x01\x02"
    assert cursor.take_int(2) == 0x0304
    assert (cursor.offset, cursor.remaining) == (4, 1)
    assert cursor.take(0) == b""
    assert cursor.rest() == b"\x05"
    assert cursor.rest() == b""
    cursor.expect_end()


@pytest.mark.parametrize("count", [4, -1, 2**70])
def test_the_cursor_does_not_take_more(count: int):
    cursor = Cursor(b"abc")
    with pytest.raises(TlvError):
        cursor.take(count)
    assert cursor.remaining == 3
    with pytest.raises(TlvError, match="3 bytes too many"):
        cursor.expect_end()


@given(st.binary(max_size=40), st.lists(st.integers(0, 20), max_size=8))
def test_what_the_cursor_takes_is_the_beginning(data: bytes, counts: list[int]):
    cursor = Cursor(data)
    taken = b""
    for count in counts:
        try:
            taken += cursor.take(count)
        except TlvError:
            assert count > len(data) - len(taken)
    assert data == taken + cursor.rest()
