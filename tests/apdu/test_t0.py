# SPDX-License-Identifier: Apache-2.0
"""T=0: dialogues of ISO/IEC 7816-3 clause 12.2, TPDU by TPDU, and the host's end against the card's."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secmod.apdu import SW, CommandApdu, ResponseApdu, T0Mapper, exchange
from secmod.errors import ApduError, CardError


class Card:
    """Answers every command with up to Ne bytes of `data` and `sw`; remembers the commands."""

    def __init__(self, data: bytes = b"", sw: int = 0x9000) -> None:
        self.response = ResponseApdu(data, SW(sw))
        self.commands: list[bytes] = []

    def __call__(self, apdu: bytes) -> bytes:
        self.commands.append(apdu)
        try:
            command = CommandApdu.parse(apdu)
        except CardError as error:
            return error.sw.to_bytes(2, "big")
        return self.response.fitted(command.ne).encode()


def dialogue(card: Card, *lines: str) -> None:
    """Plays "TPDU > answer" line by line."""
    mapper = T0Mapper(card)
    for line in lines:
        tpdu, answer = (bytes.fromhex(side) for side in line.split(">"))
        assert mapper(tpdu).hex() == answer.hex(), line


def sent(card: Card) -> list[str]:
    return [command.hex().upper() for command in card.commands]


def test_case_1():
    card = Card()
    dialogue(card, "00A4040C > 9000")
    assert sent(card) == ["00A4040C"]


def test_case_2_with_the_right_le():
    card = Card(b"\x11\x22\x33")
    dialogue(card, "0084000003 > 112233 9000")
    assert sent(card) == ["0084000003"]


def test_case_2_with_a_larger_le_is_repeated_and_executed_once():
    card = Card(b"\x11\x22\x33")
    dialogue(card, "0084000008 > 6C03", "0084000003 > 112233 9000")
    assert sent(card) == ["0084000008"]


def test_case_2_with_le_of_zero_means_256():
    card = Card(bytes(256))
    dialogue(card, "00B0000000 > " + "00" * 256 + "9000")


def test_case_2_with_a_smaller_le_cuts_as_the_card_does():
    card = Card(b"\x11\x22\x33")
    dialogue(card, "00B0000002 > 1122 9000")


@pytest.mark.parametrize("other", ["00A40000", "00B0000103", "00B0000004"])
def test_what_waits_after_6cxx_is_discarded_by_any_other_command(other: str):
    card = Card(b"\x11\x22\x33")
    mapper = T0Mapper(card)
    assert mapper(bytes.fromhex("00B0000008")) == bytes.fromhex("6C03")
    mapper(bytes.fromhex(other))
    mapper(bytes.fromhex("00B0000003"))
    assert len(card.commands) == 3 or other == "00B0000004"


def test_a_repetition_delivers_once():
    card = Card(b"\x11\x22\x33")
    dialogue(card, "00B0000008 > 6C03", "00B0000003 > 112233 9000", "00B0000003 > 112233 9000")
    assert len(card.commands) == 2


def test_case_3():
    card = Card()
    dialogue(card, "00D6000002AABB > 9000")
    assert sent(card) == ["00D6000002AABB00"]


def test_case_4():
    card = Card(b"\x11\x22\x33")
    dialogue(card, "0088000002AABB > 6103", "00C0000003 > 112233 9000", "00C0000003 > 6985")
    assert sent(card) == ["0088000002AABB00"]


def test_case_4_with_the_le_that_readers_drop():
    card = Card(b"\x11\x22\x33")
    dialogue(card, "0088000002AABB00 > 6103", "00C0000003 > 112233 9000")
    assert sent(card) == ["0088000002AABB00"]


def test_get_response_in_pieces():
    card = Card(b"\x11\x22\x33\x44\x55")
    dialogue(card, "0088000001AA > 6105", "00C0000002 > 1122 6103", "00C0000001 > 33 6102", "00C0000002 > 4455 9000")


def test_get_response_for_more_than_there_is():
    card = Card(b"\x11\x22\x33")
    dialogue(card, "0088000001AA > 6103", "00C0000000 > 6C03", "00C0000003 > 112233 9000")


def test_get_response_for_256_bytes():
    card = Card(bytes(256))
    dialogue(card, "0088000001AA > 6100", "00C0000000 > " + "00" * 256 + "9000")


def test_get_response_with_nothing_waiting():
    dialogue(Card(), "00C0000000 > 6985", "00A40000 > 9000", "00C0000000 > 6985")


@pytest.mark.parametrize(
    ("tpdu", "answer"),
    [("00C0000100", "6A86"), ("00C0010000", "6A86"), ("00C00000", "6700"), ("00C0000001AA", "6700"), ("01C0000003", "6985")],
)
def test_wrong_get_responses_discard(tpdu: str, answer: str):
    card = Card(b"\x11\x22\x33")
    dialogue(card, "0088000001AA > 6103", f"{tpdu} > {answer}", "00C0000003 > 6985")


def test_get_response_has_the_channel_of_its_command():
    card = Card(b"\x11\x22\x33")
    dialogue(card, "0188000001AA > 6103", "01C0000003 > 112233 9000")
    dialogue(card, "8C88000001AA > 6103", "00C0000003 > 112233 9000")


def test_any_other_command_discards_what_waits():
    card = Card(b"\x11\x22\x33")
    dialogue(card, "0088000001AA > 6103", "00A40000 > 9000", "00C0000003 > 6985")


def test_a_warning_comes_with_the_last_of_the_data():
    card = Card(b"\x11\x22\x33", 0x6282)
    dialogue(card, "00B0000003 > 112233 6282", "00B0000008 > 6C03", "00B0000003 > 112233 6282")
    dialogue(card, "0088000001AA > 6103", "00C0000002 > 1122 6101", "00C0000001 > 33 6282")


@pytest.mark.parametrize("sw", [0x6982, 0x6A80, 0x6C20, 0x63C2])
def test_errors_and_dataless_warnings_pass(sw: int):
    card = Card(b"", sw)
    dialogue(card, f"00B0000008 > {sw:04X}", f"0088000001AA > {sw:04X}", f"00A40000 > {sw:04X}")


def test_a_card_that_gives_more_than_ne():
    # Such a card breaks the rule of T=1; over T=0 the rest waits.
    mapper = T0Mapper(lambda _: bytes.fromhex("112233449000"))
    assert mapper(bytes.fromhex("00B0000003")) == bytes.fromhex("1122336101")
    assert mapper(bytes.fromhex("00C0000001")) == bytes.fromhex("449000")


@pytest.mark.parametrize(
    "tpdu",
    [
        "",
        "00A404",
        "00A4000000AA",  # P3 = 0 with data: extended forms are no TPDU
        "00A40000000002AABB",
        "00A4000002AA",
        "00A4000002AABB0000",
        "00A4000001AABBCC",
    ],
)
def test_malformed_tpdus(tpdu: str):
    card = Card(b"\x11")
    mapper = T0Mapper(card)
    mapper(bytes.fromhex("0088000001AA"))
    assert mapper(bytes.fromhex(tpdu)) == bytes.fromhex("6700")
    assert mapper(bytes.fromhex("00C0000001")) == bytes.fromhex("6985")
    assert len(card.commands) == 1


def test_reserved_classes_reach_the_card_that_refuses_them():
    dialogue(Card(b"\x11"), "20C0000001 > 6E00", "FFC2000001AA > 6E00")


def test_reset_forgets_what_waits():
    mapper = T0Mapper(Card(b"\x11"))
    mapper(bytes.fromhex("0088000001AA"))
    mapper.reset()
    assert mapper(bytes.fromhex("00C0000001")) == bytes.fromhex("6985")


EXTENDED_3 = bytes.fromhex("00D60000 00012C") + bytes(300)
EXTENDED_4 = EXTENDED_3 + bytes.fromhex("0200")


def envelopes(mapper: T0Mapper, *parts: bytes) -> list[str]:
    return [mapper(bytes([0x00, 0xC2, 0x00, 0x00, len(part)]) + part).hex().upper() for part in parts]


def test_envelope_case_3():
    card = Card(b"\x11\x22")
    mapper = T0Mapper(card)
    assert envelopes(mapper, EXTENDED_3[:255], EXTENDED_3[255:]) == ["9000", "9000"]
    assert card.commands == [EXTENDED_3 + b"\x00\x00"]
    assert mapper(bytes.fromhex("00C0000002")) == bytes.fromhex("6985"), "it asked for none"


def test_envelope_case_4():
    card = Card(bytes(300))
    mapper = T0Mapper(card)
    assert envelopes(mapper, EXTENDED_4[:255], EXTENDED_4[255:]) == ["9000", "6100"]
    assert card.commands == [EXTENDED_4]
    assert mapper(bytes.fromhex("00C0000000")) == bytes(256) + bytes.fromhex("612C")
    assert mapper(bytes.fromhex("00C000002C")) == bytes(44) + bytes.fromhex("9000")


@pytest.mark.parametrize(("le", "count"), [("0000", 5), ("0200", 5), ("0003", 3)])
def test_envelope_case_4_with_le_in_a_part_of_its_own(le: str, count: int):
    card = Card(b"\x11\x22\x33\x44\x55")
    mapper = T0Mapper(card)
    assert envelopes(mapper, EXTENDED_3[:255], EXTENDED_3[255:], bytes.fromhex(le)) == ["9000", "9000", f"610{count}"]
    assert len(card.commands) == 1
    assert mapper(bytes([0x00, 0xC0, 0x00, 0x00, count])) == b"\x11\x22\x33\x44\x55"[:count] + b"\x90\x00"


def test_envelope_errors_come_at_once():
    mapper = T0Mapper(Card(b"", 0x6982))
    assert envelopes(mapper, EXTENDED_3[:255], EXTENDED_3[255:]) == ["9000", "6982"]


def test_envelope_ends_with_an_empty_one():
    card = Card(bytes(300))
    mapper = T0Mapper(card)
    assert envelopes(mapper, bytes.fromhex("00B00000000000")) == ["9000"]
    assert mapper(bytes.fromhex("00C2000000")) == bytes.fromhex("6100")
    assert sent(card) == ["00B00000000000"]
    # A short command in an envelope, and one that is none.
    assert envelopes(mapper, bytes.fromhex("00A40000023F00")) == ["9000"]
    assert mapper(bytes.fromhex("00C20000")) == bytes.fromhex("9000")
    assert envelopes(mapper, bytes.fromhex("00A4")) == ["9000"]
    assert mapper(bytes.fromhex("00C2000000")) == bytes.fromhex("6700")
    assert mapper(bytes.fromhex("00C2000000")) == bytes.fromhex("6700")


def test_envelope_is_given_up_by_any_other_command():
    card = Card()
    mapper = T0Mapper(card)
    envelopes(mapper, EXTENDED_3[:255])
    mapper(bytes.fromhex("00A40000"))
    assert envelopes(mapper, EXTENDED_3[255:]) == ["9000"]
    assert sent(card) == ["00A40000"]


def test_wrong_envelopes_are_given_up():
    card = Card()
    mapper = T0Mapper(card)
    envelopes(mapper, EXTENDED_3[:255])
    assert mapper(bytes.fromhex("00C2000101AA")) == bytes.fromhex("6A86")
    assert envelopes(mapper, EXTENDED_3[255:]) == ["9000"]
    assert mapper(bytes.fromhex("00C2000005")) == bytes.fromhex("6700")
    # One byte too many: between case 3 and case 4.
    assert envelopes(mapper, EXTENDED_3[:255], EXTENDED_3[255:] + b"\x00") == ["9000", "6700"]


def test_an_envelope_without_end_is_refused():
    mapper = T0Mapper(Card())
    answers = envelopes(mapper, *[b"\x01" * 255] * 258)
    assert answers[:257] == ["9000"] * 257
    assert answers[257] == "6700"


# ---- the host's end ----------------------------------------------------------------------------------------------------------


def play(lines: list[str], command: CommandApdu) -> ResponseApdu:
    """The host's end against a card that follows a script."""
    script = [[bytes.fromhex(side) for side in line.split(">")] for line in lines]

    def transmit(tpdu: bytes) -> bytes:
        expected, answer = script.pop(0)
        assert tpdu.hex() == expected.hex()
        return answer

    response = exchange(transmit, command)
    assert not script
    return response


@pytest.mark.parametrize(
    ("command", "lines", "data", "sw"),
    [
        ("00A4040C", ["00A4040C > 9000"], "", 0x9000),
        ("0084000008", ["0084000008 > 0102030405060708 9000"], "0102030405060708", 0x9000),
        ("00B0000000", ["00B0000000 > 6C02", "00B0000002 > AABB 9000"], "AABB", 0x9000),
        ("00B00000000010", ["00B0000010 > 6C02", "00B0000002 > AABB 6282"], "AABB", 0x6282),
        ("00D6000001AA", ["00D6000001AA > 9000"], "", 0x9000),
        ("00D6000001AA", ["00D6000001AA > 6982"], "", 0x6982),
        ("00D6000001AA", ["00D6000001AA > 6105"], "", 0x9000),  # data that nobody asked for
        ("0088000001AA00", ["0088000001AA > 6102", "00C0000002 > BBCC 9000"], "BBCC", 0x9000),
        ("0088000001AA00", ["0088000001AA > 6102", "00C0000002 > 6C01", "00C0000001 > BB 9000"], "BB", 0x9000),
        ("0088000001AA01", ["0088000001AA > 6102", "00C0000001 > BB 6101"], "BB", 0x9000),
        ("0088000001AA02", ["0088000001AA > 6102", "00C0000002 > BBCC 6101"], "BBCC", 0x9000),
        ("0088000001AA00", ["0088000001AA > 6102", "00C0000002 > BB 6101", "00C0000001 > CC 9000"], "BBCC", 0x9000),
        ("0088000001AA00", ["0088000001AA > 6102", "00C0000002 > 6F00"], "", 0x6F00),
        ("0288000001AA00", ["0288000001AA > 6101", "02C0000001 > BB 9000"], "BB", 0x9000),
        ("8C88000001AA00", ["8C88000001AA > 6101", "00C0000001 > BB 9000"], "BB", 0x9000),
        ("00B00000000000", ["00C2000007 00B00000000000 > 9000", "00C2000000 > 6101", "00C0000001 > BB 9000"], "BB", 0x9000),
        ("00B00000000000", ["00C2000007 00B00000000000 > 6D00"], "", 0x6D00),
        ("00B0000001", ["00B0000001 > 6C02", "00B0000002 > 6C03"], "", 0x6C03),  # followed once, not for ever
    ],
)
def test_the_host_follows(command: str, lines: list[str], data: str, sw: int):
    assert play(lines, CommandApdu.parse(bytes.fromhex(command))) == ResponseApdu(bytes.fromhex(data), SW(sw))


def test_a_card_that_announces_for_ever_is_given_up():
    with pytest.raises(ApduError, match="announces"):
        play(["0088000001AA > 6102", "00C0000002 > 6102"], CommandApdu.parse(bytes.fromhex("0088000001AA00")))


def test_a_card_that_gives_no_status_word_is_given_up():
    with pytest.raises(ApduError, match="status word"):
        play(["00A40000 > "], CommandApdu(0, 0xA4, 0, 0))


@pytest.mark.parametrize("nc", [256, 503, 504, 505, 1000, 65535])
@pytest.mark.parametrize("ne", [0, 1, 256, 300, 65536])
def test_extended_commands_arrive_whole(nc: int, ne: int):
    # 7 + 503 is twice 255: cut there, the Le would stand in an ENVELOPE of its own.
    card = Card(bytes(range(256)) * 2, 0x9000)
    command = CommandApdu(0x00, 0xD6, 0x00, 0x00, bytes(nc), ne)
    assert exchange(T0Mapper(card), command) == card.response.fitted(ne)
    assert [CommandApdu.parse(raw).data for raw in card.commands] == [command.data]


@given(
    st.sampled_from([0x00, 0x01, 0x0C, 0x10, 0x45, 0x80]),
    st.sampled_from([0x84, 0x88, 0xB0, 0xD6]),
    st.one_of(st.binary(max_size=300), st.sampled_from([503, 4096]).map(bytes)),
    st.sampled_from([0, 1, 2, 16, 255, 256, 257, 300, 65535, 65536]),
    st.booleans(),
    st.one_of(st.binary(max_size=20), st.binary(min_size=250, max_size=260), st.sampled_from([300, 512, 5000]).map(bytes)),
    st.sampled_from([0x9000, 0x6282, 0x63C1, 0x6A80, 0x6982]),
)
@example(cla=0, ins=0xB0, data=bytes(503), ne=300, extended=False, answer=bytes(512), sw=0x9000)
def test_t0_gives_what_t1_gives(cla: int, ins: int, data: bytes, ne: int, extended: bool, answer: bytes, sw: int):
    command = CommandApdu(cla, ins, 0, 0, data, ne, extended)
    direct, mapped = Card(answer, sw), Card(answer, sw)
    over_t1 = ResponseApdu.parse(direct(command.encode()))
    over_t0 = exchange(T0Mapper(mapped), command)
    assert over_t0.data == over_t1.data
    # A warning comes with the last of the data, and a host that does not want that much does not see it.
    unseen = SW(sw).is_warning and 1 <= command.nc <= 255 and ne < min(len(answer), 256)
    assert over_t0.sw == (SW.OK if unseen else over_t1.sw)
    assert len(mapped.commands) == 1, "a command is executed once"
    executed = CommandApdu.parse(mapped.commands[0])
    assert executed[:5] == command[:5]


@given(st.lists(st.one_of(st.binary(max_size=8), st.sampled_from([bytes.fromhex("00C0000000"), bytes.fromhex("00C20000")]))))
def test_any_bytes_get_a_well_formed_answer(tpdus: list[bytes]):
    mapper = T0Mapper(Card(b"\x11\x22\x33"))
    for tpdu in tpdus:
        response = ResponseApdu.parse(mapper(tpdu))
        if response.data:
            assert len(tpdu) == 5
            assert len(response.data) == (tpdu[4] or 256)
            assert not response.sw.is_error


@pytest.mark.parametrize("sw", [SW.SECURITY_STATUS, SW.correct_le(4), SW.END_OF_FILE, SW.OK])
@pytest.mark.parametrize(
    "command", [CommandApdu(0x0C, 0xB0, 0, 0, bytes(13), 256), CommandApdu(0x0C, 0xD6, 0, 0, bytes(400), 65536)]
)
def test_a_protected_error_keeps_its_data(command: CommandApdu, sw: SW) -> None:
    """Under secure messaging the data proves the status word, and without it the session would be lost."""
    answer = ResponseApdu(bytes(range(14)), sw)
    assert exchange(T0Mapper(lambda _: answer.encode()), command) == answer
    plain = command._replace(cla=0x00)
    assert exchange(T0Mapper(lambda _: answer.encode()), plain) == answer.fitted(command.ne)
