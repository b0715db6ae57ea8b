# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod.errors import LinkError
from secmod.reader.frame import Fault, Frame, FrameType
from secmod.reader.slot import Slot
from tests.reader.cards import ATR, ATR_T0, ReaderTestCard

ECHO = bytes.fromhex("8010000002CAFE")


def slot(card: ReaderTestCard | None = None, **arguments: object) -> Slot:
    return Slot(card or ReaderTestCard(), "/nowhere/reader0.sock", **arguments)


def ask(slot: Slot, kind: FrameType, payload: bytes = b"", sequence: int = 9) -> Frame:
    answer = Frame.parse(slot.answer(Frame(kind, sequence, payload).encode()))
    assert answer.sequence == sequence
    return answer


def fault(slot: Slot, kind: FrameType, payload: bytes = b"") -> Fault | None:
    answer = ask(slot, kind, payload)
    return Fault(answer.payload[0]) if answer.type is FrameType.FAULT else None


def test_power_then_commands() -> None:
    reader = slot()
    assert fault(reader, FrameType.TRANSMIT, ECHO) is Fault.NO_CARD
    assert ask(reader, FrameType.POWER_UP).payload == ATR
    assert reader.powered
    assert ask(reader, FrameType.TRANSMIT, ECHO).payload == ECHO[4:] + b"\x90\x00"
    assert ask(reader, FrameType.RESET).payload == ATR
    assert ask(reader, FrameType.POWER_DOWN).payload == b""
    assert fault(reader, FrameType.TRANSMIT, ECHO) is Fault.NO_CARD
    assert reader.card.history == ["off", "on", "reset", "off"]


def test_a_card_taken_out_under_power_starts_cold() -> None:
    card = ReaderTestCard()
    reader = slot(card)
    ask(reader, FrameType.POWER_UP)
    reader.eject()
    assert fault(reader, FrameType.TRANSMIT, ECHO) is Fault.NO_CARD
    assert fault(reader, FrameType.POWER_UP) is Fault.NO_CARD
    reader.insert()
    assert fault(reader, FrameType.TRANSMIT, ECHO) is Fault.NO_CARD
    card.history.clear()
    ask(reader, FrameType.POWER_UP)
    assert card.history == ["off", "on"]
    ask(reader, FrameType.POWER_UP)
    assert card.history == ["off", "on", "on"]


def test_another_card_may_be_inserted() -> None:
    reader = slot()
    reader.eject()
    reader.insert(ReaderTestCard(ATR_T0, "T0"))
    assert ask(reader, FrameType.POWER_UP).payload == ATR_T0


def test_a_removal_during_power_up_wins() -> None:
    class Slow(ReaderTestCard):
        def power_on(self) -> bytes:
            reader.eject()
            return self.atr

    reader = slot(Slow())
    assert fault(reader, FrameType.POWER_UP) is Fault.NO_CARD
    assert not reader.powered


def test_insertion_and_removal_take_turns() -> None:
    reader = slot()
    with pytest.raises(LinkError, match="holds a card already; eject it first"):
        reader.insert()
    reader.eject()
    with pytest.raises(LinkError, match="is empty; insert a card first"):
        reader.eject()


def test_t0_is_chosen_by_the_host_or_fixed_by_the_card() -> None:
    reader = slot()
    ask(reader, FrameType.POWER_UP)
    assert fault(reader, FrameType.PROTOCOL, b"\x00") is None
    assert ask(reader, FrameType.TRANSMIT, ECHO + b"\x00").payload[-2] in {0x61, 0x90}
    assert fault(reader, FrameType.PROTOCOL, b"\x01") is None
    assert fault(reader, FrameType.PROTOCOL, b"\x02") is Fault.NOT_SUPPORTED
    only_t0 = slot(ReaderTestCard(ATR_T0, "T0"))
    ask(only_t0, FrameType.POWER_UP)
    assert fault(only_t0, FrameType.PROTOCOL, b"\x01") is Fault.NOT_SUPPORTED
    assert fault(only_t0, FrameType.PROTOCOL, b"\x00") is None


def test_a_card_that_fails_keeps_its_reader(caplog: pytest.LogCaptureFixture) -> None:
    reader = slot()
    ask(reader, FrameType.POWER_UP)
    assert fault(reader, FrameType.TRANSMIT, bytes.fromhex("80160000")) is Fault.FAILED
    assert "told to fail" in caplog.text
    assert ask(reader, FrameType.TRANSMIT, ECHO).type is FrameType.TRANSMIT


def test_escape_goes_to_its_function() -> None:
    assert fault(slot(), FrameType.ESCAPE, b"x") is Fault.NOT_SUPPORTED
    assert ask(slot(escape=bytes.upper, inserted=False), FrameType.ESCAPE, b"x").payload == b"X"


def test_traffic_is_logged_only_when_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="secmod.reader.slot")
    reader = slot()
    ask(reader, FrameType.POWER_UP)
    ask(reader, FrameType.TRANSMIT, ECHO)
    assert f"reader0 > {ECHO.hex().upper()}" in caplog.text
    assert "reader0 < 02CAFE9000" in caplog.text


@given(st.binary(min_size=8, max_size=40))
def test_any_message_gets_an_answer_under_its_number_or_ends_the_link(raw: bytes) -> None:
    card = ReaderTestCard()
    card.finish.set()
    reader = slot(card)
    ask(reader, FrameType.POWER_UP)
    try:
        answer = reader.answer(raw)
    except LinkError:
        return
    assert answer[4:8] == raw[4:8]
    assert answer[0] in {raw[0], FrameType.FAULT}
