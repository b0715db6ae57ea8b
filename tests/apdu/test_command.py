# SPDX-License-Identifier: Apache-2.0
"""Command APDUs: every row of the standard's tables, every malformed form, and the core against its twin."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod._native import ffi, lib
from secmod.apdu import INS, SW, CommandApdu
from secmod.apdu.command import MAX_NC
from secmod.errors import ApduError, CardError
from tests.reference import apdu as twin

HEADER = bytes.fromhex("00A4040C")
LENGTHS = (0, 1, 2, 3, 127, 128, 254, 255, 256, 257, 258, 511, 512, 4095, 4096, 65534, 65535)


def outcome(raw: bytes) -> tuple[object, ...] | int:
    """What the parser makes of the bytes, in a form that can be compared."""
    try:
        command = CommandApdu.parse(raw)
    except ApduError as error:
        return error.sw
    return (command.case, *command)


def expected(raw: bytes) -> tuple[object, ...] | int:
    """What the twin makes of them."""
    command = twin.parse(raw)
    if isinstance(command, int):
        return command
    return (command.case, command.cla, command.ins, command.p1, command.p2, command.data, command.ne, command.extended)


def test_case_1():
    command = CommandApdu.parse(HEADER)
    assert (command.cla, command.ins, command.p1, command.p2, command.data, command.ne) == (0x00, 0xA4, 0x04, 0x0C, b"", 0)
    assert (command.case, command.extended, command.wildcard) == ("1", False, False)


@pytest.mark.parametrize(
    ("body", "case", "nc", "ne"),
    [
        ("00", "2S", 0, 256),
        ("01", "2S", 0, 1),
        ("FF", "2S", 0, 255),
        ("000000", "2E", 0, 65536),
        ("000001", "2E", 0, 1),
        ("000100", "2E", 0, 256),
        ("00FFFF", "2E", 0, 65535),
        ("01AA", "3S", 1, 0),
        ("02AA00", "3S", 2, 0),
        ("FF" + "AA" * 255, "3S", 255, 0),
        ("000001AA", "3E", 1, 0),
        ("0000FF" + "AA" * 255, "3E", 255, 0),
        ("000100" + "AA" * 256, "3E", 256, 0),
        ("00FFFF" + "AA" * 65535, "3E", 65535, 0),
        ("01AA00", "4S", 1, 256),
        ("01AA01", "4S", 1, 1),
        ("FF" + "AA" * 255 + "FF", "4S", 255, 255),
        ("000001AA0000", "4E", 1, 65536),
        ("000001AA0001", "4E", 1, 1),
        ("00FFFF" + "AA" * 65535 + "FFFF", "4E", 65535, 65535),
        ("00FFFF" + "AA" * 65535 + "0000", "4E", 65535, 65536),
    ],
)
def test_the_rows_of_the_table_of_cases(body: str, case: str, nc: int, ne: int):
    command = CommandApdu.parse(HEADER + bytes.fromhex(body))
    assert (command.case, command.nc, command.ne) == (case, nc, ne)
    assert command.extended is case.endswith("E")
    assert command.wildcard is (ne == (65536 if command.extended else 256))


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "00",
        "00A4",
        "00A404",
        "00A4040C 02 3F",  # short Lc, one byte missing
        "00A4040C 02 3F00 00 00",  # short Lc, two bytes too many: a short Lc has no long Le
        "00A4040C 05 3F00",
        "00A4040C 00 00",  # 00 and one byte: neither Le nor Lc
        "00A4040C 00 02",
        "00A4040C 00 0000 00",  # extended Lc of zero
        "00A4040C 00 0000 0000",
        "00A4040C 00 0000 3F00 0000",
        "00A40000 00 02 3F00",  # pitfall: extended and short mixed
        "00A4040C 00 0002 3F",
        "00A4040C 00 0002 3F00 00",  # extended Lc, short Le
        "00A4040C 00 0002 3F00 00 0000",  # extended Lc, three-byte Le
        "00A4040C 00 FFFF 00",  # without the last byte a Le; with it an Lc, and its data is missing
    ],
)
def test_malformed_lengths(raw: str):
    with pytest.raises(ApduError) as caught:
        CommandApdu.parse(bytes.fromhex(raw))
    assert caught.value.sw == SW.WRONG_LENGTH
    assert str(caught.value)


def test_extended_length_in_short_bytes_is_case_2_and_not_a_chain_of_zeros():
    command = CommandApdu.parse(bytes.fromhex("00B00000000000"))
    assert (command.case, command.ne, command.wildcard) == ("2E", 65536, True)


@pytest.mark.parametrize("cla", [*range(0x20, 0x40), 0xFF])
def test_reserved_classes(cla: int):
    with pytest.raises(ApduError, match="reserved") as caught:
        CommandApdu.parse(bytes([cla, 0xA4, 0, 0]))
    assert caught.value.sw == SW.CLA_NOT_SUPPORTED


def test_a_wrong_length_counts_before_a_reserved_class():
    with pytest.raises(ApduError) as caught:
        CommandApdu.parse(bytes.fromhex("FFA400000002"))
    assert caught.value.sw == SW.WRONG_LENGTH


@pytest.mark.parametrize(("cla", "channel", "secure"), [(0x01, 1, 0), (0x04, 0, 1), (0x08, 0, 2), (0x0C, 0, 3), (0x1C, 0, 3)])
def test_channels_and_secure_messaging_are_reported_and_not_judged(cla: int, channel: int, secure: int):
    command = CommandApdu.parse(bytes([cla, 0xA4, 0, 0]))
    assert (command.channel, command.secure, command.chaining) == (channel, secure, cla == 0x1C)


@pytest.mark.parametrize("ins", [0x62, 0x9A])
def test_instructions_are_not_judged(ins: int):
    assert CommandApdu.parse(bytes([0, ins, 0, 0])).ins == ins


def boundary_commands() -> list[bytes]:
    """Every combination of a length field and a body length near the lengths that matter."""
    commands = [HEADER[:length] for length in range(5)]
    for claimed in LENGTHS:
        prefixes = [b"\x00" + claimed.to_bytes(2, "big")]
        if claimed < 256:
            prefixes.append(bytes([claimed]))
        for prefix in prefixes:
            for length in {*range(max(0, claimed - 3), claimed + 5), 0, 1, 2, 3}:
                commands += [HEADER + prefix + bytes(length), HEADER + prefix + b"\xff" * length]
    return commands


@pytest.mark.parametrize("first", [0x00, 0x90, 0x20, 0xFF])
def test_the_core_agrees_with_its_twin_on_every_boundary(first: int):
    commands = [bytes([first]) + raw[1:] for raw in boundary_commands()]
    assert len(commands) > 400
    for raw in commands:
        assert outcome(raw) == expected(raw), raw[:16].hex()


def test_the_core_agrees_with_its_twin_on_every_body_of_up_to_two_bytes_and_every_class():
    for cla in range(256):
        assert outcome(bytes([cla, 0xB0, 0, 0])) == expected(bytes([cla, 0xB0, 0, 0]))
    for one in range(256):
        raw = HEADER + bytes([one])
        assert outcome(raw) == expected(raw)
        for two in range(256):
            assert outcome(raw + bytes([two])) == expected(raw + bytes([two]))


@given(st.binary(max_size=300))
def test_any_bytes_are_a_command_or_have_a_status_word(raw: bytes):
    result = outcome(raw)
    assert result == expected(raw)
    assert not isinstance(result, int) or result in (0x6700, 0x6E00)


headers = st.tuples(st.integers(0, 0x1F), *[st.integers(0, 255)] * 3)
data_fields = st.one_of(st.binary(max_size=20), st.integers(0, MAX_NC).map(bytes), st.sampled_from([255, 256, MAX_NC]).map(bytes))
expected_lengths = st.one_of(st.integers(0, 65536), st.sampled_from([0, 1, 255, 256, 257, 65535, 65536]))


@given(headers, data_fields, expected_lengths, st.booleans())
def test_encode_and_parse_are_inverse(header: tuple[int, int, int, int], data: bytes, ne: int, extended: bool):
    command = CommandApdu(*header, data, ne, extended=extended)
    raw = command.encode()
    assert CommandApdu.parse(raw) == command
    assert CommandApdu.parse(raw).encode() == raw


@given(st.binary(min_size=4, max_size=300))
def test_parse_and_encode_are_inverse(raw: bytes):
    if not isinstance(outcome(raw), int):
        assert CommandApdu.parse(raw).encode() == raw


@pytest.mark.parametrize(
    ("command", "raw"),
    [
        (CommandApdu(0, 0xA4, 4, 0x0C), "00A4040C"),
        (CommandApdu(0, 0xA4, 4, 0x0C, extended=True), "00A4040C"),
        (CommandApdu(0, 0xB0, 0, 0, ne=256), "00B0000000"),
        (CommandApdu(0, 0xB0, 0, 0, ne=256, extended=True), "00B00000000100"),
        (CommandApdu(0, 0xB0, 0, 0, ne=257), "00B00000000101"),
        (CommandApdu(0, 0xB0, 0, 0, ne=65536), "00B00000000000"),
        (CommandApdu(0, 0xD6, 0, 0, b"\xaa"), "00D6000001AA"),
        (CommandApdu(0, 0xD6, 0, 0, b"\xaa", extended=True), "00D60000000001AA"),
        (CommandApdu(0, 0x86, 0, 0, b"\xaa", 256), "0086000001AA00"),
        (CommandApdu(0, 0x86, 0, 0, b"\xaa", 257), "00860000000001AA0101"),
        (CommandApdu(0, 0xD6, 0, 0, b"\xaa" * 256), "00D60000000100" + "AA" * 256),
    ],
)
def test_the_shortest_form_unless_the_other_is_asked_for(command: CommandApdu, raw: str):
    assert command.encode() == bytes.fromhex(raw)


@pytest.mark.parametrize(
    ("arguments", "sw"),
    [
        ((256, 0, 0, 0), SW.CLA_NOT_SUPPORTED),
        ((-1, 0, 0, 0), SW.CLA_NOT_SUPPORTED),
        ((0, 256, 0, 0), SW.INS_NOT_SUPPORTED),
        ((0, 0, 256, 0), SW.WRONG_P1P2),
        ((0, 0, 0, -1), SW.WRONG_P1P2),
        ((0, 0, 0, 0, bytes(65536)), SW.WRONG_LENGTH),
        ((0, 0, 0, 0, b"", 65537), SW.WRONG_LENGTH),
        ((0, 0, 0, 0, b"", -1), SW.WRONG_LENGTH),
    ],
)
def test_what_has_no_coding_is_no_command(arguments: tuple[int, int, int, int], sw: SW):
    with pytest.raises(ApduError) as caught:
        CommandApdu(*arguments)
    assert caught.value.sw == sw


def test_commands_are_values():
    command = CommandApdu(0, INS.SELECT, 4, 0x0C, b"\xaa")
    assert command == CommandApdu(0, 0xA4, 4, 0x0C, b"\xaa")
    assert len({command, CommandApdu(0, 0xA4, 4, 0x0C, b"\xaa")}) == 1
    with pytest.raises(AttributeError):
        command.ins = 0xB0  # type: ignore[misc]
    with pytest.raises(AttributeError):
        command.other = 1  # type: ignore[attr-defined]


def test_a_pin_does_not_show_in_the_representation():
    shown = repr(CommandApdu(0, INS.VERIFY, 0, 1, b"1234567890"))
    assert "VERIFY" in shown
    assert "00 20 00 01" in shown
    assert "1234567890" not in shown
    assert b"1234567890".hex() not in shown


@pytest.mark.parametrize(
    ("ne", "length", "sw"),
    [
        (0, 300, None),
        (64, 64, None),
        (256, 64, None),
        (63, 64, 0x6C40),
        (255, 256, 0x6C00),
        (64, 257, 0x6700),
        (256, 257, 0x6700),
    ],
)
def test_results_that_must_not_be_cut(ne: int, length: int, sw: int | None):
    command = CommandApdu(0, INS.PERFORM_SECURITY_OPERATION, 0x9E, 0x9A, bytes(32), ne)
    if sw is None:
        command.check_ne(length)
    else:
        with pytest.raises(CardError) as caught:
            command.check_ne(length)
        assert caught.value.sw == sw


def test_the_core_leaves_nothing_half_written():
    out = ffi.new("struct secmod_command *")
    for raw in ("", "00A4", "00A4040C0510", "20A40000", "20A4000002AABB00"):
        data = bytes.fromhex(raw)
        lib.secmod_command_parse(bytes.fromhex("1CA4040C02AABB05"), 8, out)
        status = lib.secmod_command_parse(data, len(data), out)
        fields = memoryview(ffi.buffer(out)).cast("i").tolist()
        assert fields == [status] + [0] * 12
    assert lib.secmod_command_parse(ffi.NULL, 0, out) == SW.WRONG_LENGTH


def test_the_fields_of_the_core_stand_in_the_order_in_which_they_are_read():
    names = [name for name, _ in ffi.typeof("struct secmod_command").fields]
    assert names == (
        "status cla ins p1 p2 channel proprietary chaining secure extended data_offset nc ne".split()  # noqa: SIM905
    )
    assert ffi.sizeof("struct secmod_command") == 4 * len(names)


def test_threads_do_not_disturb_each_other():
    wrong: list[CommandApdu] = []

    def work(number: int) -> None:
        raw = bytes([0, 0xA4, number, 0, number]) + bytes([number]) * number
        for _ in range(3000):
            command = CommandApdu.parse(raw)
            if (command.p1, command.data) != (number, bytes([number]) * number):
                wrong.append(command)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def random_command(source: random.Random) -> bytes:
    """Bytes near a command: header, length fields that may or may not be right, data, perhaps a byte too many or too few."""
    nc = source.choice((0, 1, 2, source.randrange(256), 255, 256, source.randrange(600)))
    lc = source.choice((bytes([nc & 0xFF]), b"\x00" + nc.to_bytes(2, "big"), b""))
    le = source.choice((b"", b"\x00", b"\x00\x00", b"\x00\x00\x00", source.randbytes(1), source.randbytes(2)))
    raw = (
        bytes([source.choice((0x00, 0x10, 0x0C, 0x80, source.randrange(256)))])
        + source.randbytes(3)
        + lc
        + source.randbytes(nc)
        + le
    )
    return raw[: len(raw) - source.choice((0, 0, 0, 1, 2, source.randrange(len(raw) + 1)))]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_core_agrees_with_its_twin_on_a_million_random_commands():
    source = random.Random(7816)
    seen: dict[object, int] = {}
    for _ in range(1_000_000):
        raw = random_command(source)
        result = outcome(raw)
        assert result == expected(raw), raw.hex()
        kind = result if isinstance(result, int) else result[0]
        seen[kind] = seen.get(kind, 0) + 1
    assert set(seen) == {0x6700, 0x6E00, "1", "2S", "2E", "3S", "3E", "4S", "4E"}
    assert min(seen.values()) > 1000


def test_random_commands_in_small_number():
    source = random.Random(3)
    for _ in range(5000):
        raw = random_command(source)
        assert outcome(raw) == expected(raw), raw.hex()
