# SPDX-License-Identifier: Apache-2.0
"""Sessions: both ends against each other and against the twin, lengths, how long a session lives."""

from __future__ import annotations

import copy
import gc
import pickle
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod.apdu import SW, CommandApdu, ResponseApdu
from secmod.crypto import Vault
from secmod.errors import ApduError, CardError, CryptoError, HandleError, SecureMessagingError
from secmod.securemessaging import Session
from tests.reference.securemessaging import Twin, tlv

H = bytes.fromhex
KEYS = {size: (bytes(range(size)), bytes(range(size, 2 * size))) for size in (16, 24, 32)}
LENGTHS = (0, 1, 15, 16, 17, 31, 32, 111, 112, 127, 128, 222, 223, 224, 239, 240, 255, 256, 4096, 65_502, 65_503)
LONGEST_COMMAND = 65_519
"""Data that just fits: Lc of 65535 is 87 82 FF F1, 01, 4095 blocks, and 8E with 10 bytes; one byte of the blocks is padding."""
LONGEST_RESPONSE = 65_503
"""The same for Ne of 65536, with 99 and 4 bytes more: one block less."""

SHARED = Vault()
"""Hypothesis asks its tests to keep no fixture from example to example."""


def pair(size: int = 16, vault: Vault = SHARED, ssc: int = 0) -> tuple[Session, Session]:
    """Card and host."""
    counter = ssc.to_bytes(16, "big")
    return Session(vault.session_keys(*KEYS[size], counter)), Session(vault.session_keys(*KEYS[size], counter))


def normal(command: CommandApdu) -> CommandApdu:
    """What the card sees of a command: without Le nothing says that the form was extended, if a short one would do."""
    return command._replace(extended=command.nc > 255) if not command.ne else command


# ---- opening is the reverse of protecting ----------------------------------------------------------------------------------

CLASSES = st.sampled_from([0x00, 0x10, 0x01, 0x02, 0x03, 0x13, 0x80, 0x90, 0xA0, 0xE1])
BYTES = st.integers(0, 255)
DATA = st.binary(max_size=600) | st.sampled_from([bytes(length) for length in LENGTHS if length <= 4096])
NE = st.integers(0, 300) | st.sampled_from([0, 1, 223, 224, 255, 256, 257, 65_535, 65_536])
COMMANDS = st.builds(CommandApdu, CLASSES, BYTES, BYTES, BYTES, DATA, NE, st.booleans())


@given(
    st.sampled_from(sorted(KEYS)), st.lists(COMMANDS, min_size=1, max_size=5), st.lists(DATA, min_size=5, max_size=5), st.data()
)
def test_a_dialogue(size: int, commands: list[CommandApdu], answers: list[bytes], data: st.DataObject):
    card, host = pair(size)
    twin_card, twin_host = Twin(*KEYS[size]), Twin(*KEYS[size])
    for command, answer in zip(commands, answers, strict=False):
        odd = command.ins % 2 == 1
        protected = host.protect_command(command)
        assert protected == twin_host.protect_command(command.encode())
        assert card.unprotect(protected) == normal(command)
        assert twin_card.unprotect_command(protected) == normal(command).encode()
        sw = data.draw(st.sampled_from([0x9000, 0x6282, 0x63C2, 0x6110, 0x6A80, 0x6700]))
        response = ResponseApdu(answer, SW(sw))
        fits = len(twin_card.data_object(answer, odd)) + 14 <= CommandApdu.parse(protected).ne
        expected = response if fits or response.sw.is_error else ResponseApdu(b"", SW.WRONG_LENGTH)
        expected = ResponseApdu(b"" if expected.sw.is_error else expected.data, expected.sw)
        answered = card.protect(response.encode(), odd)
        assert answered == twin_card.protect_response(expected.encode(), odd)
        assert host.unprotect_response(answered, odd) == expected
        assert twin_host.unprotect_response(answered, odd) == expected.encode()


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("size", KEYS)
def test_lengths(vault: Vault, size: int, length: int):
    card, host = pair(size, vault)
    data = bytes(length % 251 for length in range(length))
    command = CommandApdu(0x00, 0xD6, 0, 0, data)
    protected = host.protect_command(command)
    assert card.unprotect(protected) == command
    assert Twin(*KEYS[size]).protect_command(command.encode()) == protected
    long = host.protect_command(CommandApdu(0x00, 0xB0, 0, 0, b"", 65_536))
    assert card.unprotect(long).ne == 65_536
    for session in pair(size, vault, 4):
        twin = Twin(*KEYS[size], 4)
        assert session.protect(data + b"\x90\x00", odd=True) == twin.protect_response(data + b"\x90\x00", odd=True)


def test_the_longest_messages(vault: Vault):
    card, host = pair(16, vault)
    with pytest.raises(ApduError, match="can not be protected"):
        host.protect_command(CommandApdu(0x00, 0xD6, 0, 0, bytes(LONGEST_COMMAND + 1)))
    with pytest.raises(ApduError):
        host.protect_command(CommandApdu(0x00, 0xD6, 0, 0, bytes(LONGEST_COMMAND), 256))
    with pytest.raises(ApduError):
        host.protect_command(CommandApdu(0x00, 0xD6, 0, 0, bytes(65_535), 65_536))
    assert host.live  # nothing has happened
    protected = host.protect_command(CommandApdu(0x00, 0xB0, 0, 0, bytes(LONGEST_COMMAND)))
    assert len(protected) == 7 + 65_535 + 2
    assert card.unprotect(protected).nc == LONGEST_COMMAND
    answer = card.protect(bytes(LONGEST_RESPONSE) + b"\x90\x00", odd=False)
    assert len(answer) == 65_523 + 2
    assert host.unprotect_response(answer, odd=False).data == bytes(LONGEST_RESPONSE)
    card, host = pair(16, vault)
    assert card.protect(bytes(LONGEST_RESPONSE + 1) + b"\x90\x00", odd=False) == Twin(*KEYS[16]).protect_response(
        H("6700"), odd=False
    )


@pytest.mark.parametrize(
    ("command", "outer"),
    [
        ("00440000", "0C4400000A {} 00"),
        ("00B00000DF", "0CB000000D {} 00"),
        ("00B00000E0", "0CB0000000000D {} 0000"),
        ("00B0000000", "0CB0000000000D {} 0000"),
        ("00B00000000001", "0CB0000000000E {} 0000"),
        ("00D60000000001FF", "0CD600000000 1D {} 0000"),
        ("80D6000001FF", "8CD600001D {} 00"),
        ("10D6000001FF", "1CD600001D {} 00"),
    ],
)
def test_the_outer_form(vault: Vault, command: str, outer: str):
    before, after = (H(part) for part in outer.split("{}"))
    protected = pair(16, vault)[1].protect_command(CommandApdu.parse(H(command)))
    assert protected.startswith(before)
    assert protected.endswith(after)
    assert CommandApdu.parse(protected).nc == len(protected) - len(before) - len(after)


def test_239_bytes_fit_a_short_command_and_223_with_le(vault: Vault):
    host = pair(16, vault)[1]
    assert not CommandApdu.parse(host.protect_command(CommandApdu(0, 0xD6, 0, 0, bytes(239)))).extended
    assert CommandApdu.parse(host.protect_command(CommandApdu(0, 0xD6, 0, 0, bytes(240)))).extended
    assert not CommandApdu.parse(host.protect_command(CommandApdu(0, 0xD6, 0, 0, bytes(223), 1))).extended
    assert CommandApdu.parse(host.protect_command(CommandApdu(0, 0xD6, 0, 0, bytes(224), 1))).extended


@pytest.mark.parametrize(("length", "sw"), [(223, "9000"), (224, "6700")])
def test_a_response_for_a_short_le(vault: Vault, length: int, sw: str):
    card, host = pair(16, vault)
    short = Twin(*KEYS[16]).protect_command(H("00B0000010"))
    assert card.unprotect(short).ne == 16
    host.protect_command(CommandApdu.parse(H("00B0000010")))
    answer = card.protect(bytes(length) + b"\x90\x00", odd=False)
    assert len(answer) <= 258
    assert host.unprotect_response(answer, odd=False) == ResponseApdu.parse(bytes(length if sw == "9000" else 0) + H(sw))


@pytest.mark.parametrize("sw", ["6281", "6282", "63C9", "61FF", "9000"])
def test_warnings_keep_their_data(vault: Vault, sw: str):
    card, host = pair(16, vault)
    assert host.unprotect_response(card.protect(b"data" + H(sw), odd=False), odd=False) == ResponseApdu.parse(b"data" + H(sw))


@pytest.mark.parametrize("sw", ["6400", "6581", "6700", "6982", "6A80", "6C10", "6F00", "9001"])
def test_errors_come_without_data(vault: Vault, sw: str):
    card, host = pair(16, vault)
    protected = card.protect(b"secret" + H(sw), odd=False)
    assert (len(protected), protected[-2:]) == (16, H(sw))
    assert host.unprotect_response(protected, odd=False) == ResponseApdu.parse(H(sw))


def test_what_is_no_response_can_not_be_protected(vault: Vault):
    card, _ = pair(16, vault)
    for wrong in (b"", b"\x90"):
        with pytest.raises(CryptoError, match="a length"):
            card.protect(wrong, odd=False)
    assert card.protect(b"\x90\x00", odd=False) == Twin(*KEYS[16]).protect_response(b"\x90\x00", odd=False)


@pytest.mark.parametrize("cla", [0x04, 0x08, 0x0C, 0x1C, 0x40, 0x4F, 0x60, 0x20, 0xFF, 0x8C])
def test_classes_that_can_not_be_protected(vault: Vault, cla: int):
    _, host = pair(16, vault)
    with pytest.raises(ApduError):
        host.protect_command(CommandApdu(cla, 0xB0, 0, 0, b"", 256))
    assert host.live


# ---- plain data objects ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ins", [0xD6, 0xD7])
def test_plain_data_if_the_profile_allows_it(vault: Vault, ins: int):
    raw = Twin(*KEYS[16], 1).command_of(bytes((0x0C, ins, 0, 0)), tlv(0x81, b"open") + H("970105"), extended=False)
    card, host = pair(16, vault)
    assert not card.allow_plain
    with pytest.raises(CardError, match="wrong"):
        card.unprotect(raw)
    card, _ = pair(16, vault)
    card.allow_plain = True
    assert card.unprotect(raw) == CommandApdu(0, ins, 0, 0, b"open", 5)
    assert card.protect(b"\x01\x90\x00", odd=False)[:1] == b"\x87"  # answers are encrypted all the same
    host.allow_plain = True
    twin = Twin(*KEYS[16], 1)
    covered = tlv(0x81, b"open") + H("99029000")
    answer = covered + twin.checksum(twin.response_mac_input(covered)) + H("9000")
    assert host.unprotect_response(answer, odd=False) == ResponseApdu(b"open", SW.OK)
    empty = Twin(*KEYS[16], 1).command_of(H("0CD60000"), H("8100"), extended=False)
    assert Session(vault.session_keys(*KEYS[16]), allow_plain=True).allow_plain
    with pytest.raises(CardError):
        Session(vault.session_keys(*KEYS[16]), allow_plain=True).unprotect(empty)


# ---- any bytes -------------------------------------------------------------------------------------------------------------


def bodies() -> st.SearchStrategy[bytes]:
    """Data objects as they might be, in any order, some of them cut or spoilt."""
    tags = st.sampled_from([0x81, 0x85, 0x87, 0x8E, 0x97, 0x99, 0x5F, 0x00])
    values = st.binary(max_size=20) | st.just(b"\x01" + bytes(16)) | st.just(bytes(8))
    return st.lists(st.builds(tlv, tags, values) | st.binary(max_size=4), max_size=5).map(b"".join)


RAW = st.binary(max_size=300) | st.builds(
    lambda header, body, extended: (
        header
        + (b"\x00" + len(body).to_bytes(2, "big") + body + b"\x00\x00" if extended else bytes((len(body),)) + body + b"\x00")
    ),
    st.sampled_from([H("0CB00000"), H("0CB10000"), H("1C860000"), H("8CD60000"), H("00B00000")]),
    bodies(),
    st.booleans(),
)


@given(RAW, st.booleans())
def test_any_bytes_into_the_card(raw: bytes, allow_plain: bool):
    card = Session(SHARED.session_keys(*KEYS[16]), allow_plain=allow_plain)
    with pytest.raises(CardError) as caught:
        card.unprotect(raw)
    assert caught.value.sw in (SW.SM_OBJECT_MISSING, SW.SM_OBJECT_WRONG, SW.WRONG_LENGTH, SW.CLA_NOT_SUPPORTED)
    assert caught.value.sw == Twin(*KEYS[16]).unprotect_command(raw, allow_plain=allow_plain)
    assert not card.live


@given(bodies(), st.booleans(), st.booleans())
def test_any_bytes_with_a_right_mac_into_the_card(covered: bytes, odd: bool, allow_plain: bool):
    header = H("0CB10000") if odd else H("0CB00000")
    raw = Twin(*KEYS[16], 1).command_of(header, covered, extended=False)
    expected = Twin(*KEYS[16]).unprotect_command(raw, allow_plain=allow_plain)
    card = Session(SHARED.session_keys(*KEYS[16]), allow_plain=allow_plain)
    if isinstance(expected, bytes):
        assert card.unprotect(raw).encode() == expected
    else:
        with pytest.raises(CardError) as caught:
            card.unprotect(raw)
        assert caught.value.sw == expected


@given(
    st.binary(max_size=300) | st.builds(lambda body, sw: body + sw, bodies(), st.sampled_from([H("9000"), H("6A80")])),
    st.booleans(),
)
def test_any_bytes_into_the_host(raw: bytes, odd: bool):
    host = Session(SHARED.session_keys(*KEYS[16]))
    with pytest.raises(SecureMessagingError):
        host.unprotect_response(raw, odd)
    assert not host.live


# ---- how long it lives -----------------------------------------------------------------------------------------------------


def test_the_counter_ends_the_session(vault: Vault):
    last = 2**128 - 2  # of the values that are used
    card, host = pair(16, vault, last - 2)
    command = CommandApdu.parse(H("00B0000010"))
    assert card.unprotect(host.protect_command(command)) == command
    assert host.unprotect_response(card.protect(b"\x90\x00", odd=False), odd=False).ok
    with pytest.raises(SecureMessagingError):
        host.protect_command(command)
    with pytest.raises(CardError):
        card.unprotect(Twin(*KEYS[16], last).protect_command(command.encode()))
    assert (card.live, host.live, vault.live) == (False, False, 0)


@pytest.mark.parametrize("ssc", [2**128 - 1, 2**128 - 2])
def test_a_counter_at_its_end(vault: Vault, ssc: int):
    card, host = pair(16, vault, ssc)
    with pytest.raises(CryptoError):
        card.protect(b"\x90\x00", odd=False)
    with pytest.raises(SecureMessagingError):
        host.unprotect_response(H("990290008E080102030405060708 9000"), odd=False)
    assert vault.live == 0


def test_carries_go_through_the_whole_counter(vault: Vault):
    for bits in range(8, 128, 8):
        card, host = pair(16, vault, 2**bits - 1)
        assert Twin(*KEYS[16], 2**bits - 1).protect_command(H("00440000")) == host.protect_command(
            CommandApdu.parse(H("00440000"))
        )
        host.release()
        card.release()


def test_release(vault: Vault):
    card, host = pair(16, vault)
    assert (vault.live, repr(card)) == (2, "Session()")
    for session in (card, host, card):
        session.release()
    assert (vault.live, card.live, repr(card)) == (0, False, "Session(over)")
    with pytest.raises(HandleError):
        card.protect(b"\x90\x00", odd=False)


def test_a_session_that_nothing_refers_to_is_wiped(vault: Vault):
    sessions = pair(16, vault)
    assert vault.live == 2
    del sessions
    gc.collect()
    assert vault.live == 0


def test_clearing_the_vault_ends_its_sessions(vault: Vault):
    card, host = pair(16, vault)
    vault.clear()
    with pytest.raises(CardError) as caught:
        card.unprotect(H("0CB000000D9701008E08000000000000000000"))
    assert caught.value.sw == SW.SM_OBJECT_WRONG
    with pytest.raises(SecureMessagingError, match="the session is over"):
        host.protect_command(CommandApdu.parse(H("00B0000000")))


def test_session_keys_stay_where_they_are(vault: Vault):
    keys = vault.session_keys(*KEYS[16])
    assert repr(keys) == "SessionKeys()"
    for way in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="does not leave its vault"):
            way(keys)


@pytest.mark.parametrize(
    ("enc", "mac", "ssc"), [(16, 24, 16), (15, 15, 16), (0, 0, 16), (33, 33, 16), (16, 16, 15), (16, 16, 17)]
)
def test_keys_of_other_lengths(vault: Vault, enc: int, mac: int, ssc: int):
    with pytest.raises(CryptoError):
        vault.session_keys(bytes(enc), bytes(mac), bytes(ssc))
    assert vault.live == 0


def test_sessions_of_many_threads(vault: Vault):
    def dialogue(number: int) -> bool:
        card, host = pair((16, 24, 32)[number % 3], vault)
        for length in range(0, 300, 7):
            command = CommandApdu(0, 0xD6, 0, 0, bytes((number,)) * length, 256)
            if card.unprotect(host.protect_command(command)) != command:
                return False
            response = ResponseApdu(command.data, SW.OK)
            if host.unprotect_response(card.protect(response.encode(), odd=False), odd=False) != response:
                return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(dialogue, range(64)))
    gc.collect()
    assert vault.live == 0
