# SPDX-License-Identifier: Apache-2.0
"""Files and the rest: the cases of TR-03105-3.3 units L, DATA_A and T."""

import pytest

from tests.card.sessions import enter, terminal
from tests.card.talk import SUITES, do, undo
from tests.reference import tlv


@pytest.mark.parametrize("phase", "GVPO")
@pytest.mark.parametrize("sfi", range(0x01, 0x0D))
def test_L_13(phase: str, sfi: int) -> None:
    talk = terminal("G")
    enter(talk, phase)
    assert talk.send("00A4080C02DF01").sw == "9000"
    answer = talk.send(f"00B0{0x80 | sfi:02X}0001")
    has_content = sfi == 0x0B  # EF.GW.ID; the others are empty until something is written
    assert (answer.sw, answer.data) == (("9000", b"E") if has_content else ("6B00", b""))


@pytest.mark.parametrize("sfi", [0x0A, 0x0C])
def test_L_13_of_files_that_were_written(sfi: int) -> None:
    talk = terminal("G")
    talk.send("00A4080C02DF01")
    assert talk.send(f"00D6{0x80 | sfi:02X}0003A1A2A3").sw == "9000"
    answer = talk.send(f"00B0{0x80 | sfi:02X}0001")
    assert (answer.sw, answer.data) == ("9000", b"\xa1")


@pytest.mark.parametrize("protected", [False, True])
def test_DATA_A_1a(protected: bool) -> None:
    talk = terminal("V", "S" if protected else None)
    answer = (talk.send if protected else talk.plain)("00B09C0000")
    assert answer.sw == "9000"
    elements = tlv.parse_all(undo(answer.data, 0x31))
    assert elements is not None
    encoded = [do(tag, value) for tag, value in elements]
    assert encoded == sorted(encoded)
    infos = [tlv.parse_all(value) for tag, value in elements if tag == 0x30]
    assert len(infos) == len(elements)
    expected = [
        [(0x06, suite.oid), (0x02, b"\x02"), (0x02, bytes([domain]))] for suite, domain in zip(SUITES, (13, 16, 17), strict=True)
    ]
    assert infos == expected


@pytest.mark.parametrize("kind", [None, "S"])
def test_T_3(kind: str | None) -> None:
    talk = terminal("V", kind)
    answer = (talk.send if kind else talk.plain)("00C0000000")
    assert (answer.sw, answer.data) == ("6D00", b"")
