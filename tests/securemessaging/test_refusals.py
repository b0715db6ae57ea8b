# SPDX-License-Identifier: Apache-2.0
"""What is refused, with which status word, and that the session is over then."""

from __future__ import annotations

import pytest

from secmod.apdu import SW, CommandApdu
from secmod.crypto import Vault
from secmod.errors import ApduError, CardError, HandleError, SecureMessagingError
from secmod.securemessaging import Session
from tests.reference import apdu
from tests.reference.securemessaging import Twin, case, tlv

H = bytes.fromhex
ENC, MAC = bytes(range(16)), bytes(range(16, 32))
HEADER = H("0CD60000")
READ = H("0CB00000")
DATA = b"sixteen bytes..!"


def session(vault: Vault) -> Session:
    return Session(vault.session_keys(ENC, MAC))


def refusal(vault: Vault, raw: bytes, *, allow_plain: bool = False) -> int:
    """The status word of the refusal; the twin gives the same, and the session is over."""
    card = session(vault)
    card.allow_plain = allow_plain
    with pytest.raises(CardError) as caught:
        card.unprotect(raw)
    assert Twin(ENC, MAC).unprotect_command(raw, allow_plain=allow_plain) == caught.value.sw
    assert not card.live
    with pytest.raises(CardError, match="without a session") as again:
        card.unprotect(raw)
    assert again.value.sw == SW.SM_OBJECT_WRONG
    with pytest.raises(HandleError):
        card.protect(b"\x90\x00", odd=False)
    assert vault.live == 0
    return caught.value.sw


def made(covered: bytes, header: bytes = HEADER, *, extended: bool = False) -> bytes:
    """A command with these data objects and a right MAC, for SSC 1."""
    return Twin(ENC, MAC, 1).command_of(header, covered, extended)


def cryptogram(data: bytes = DATA) -> bytes:
    return tlv(0x87, b"\x01" + Twin(ENC, MAC, 1).encrypt(data))


# ---- data objects: 6987 for a missing one, 6988 for a wrong one ------------------------------------------------------------


@pytest.mark.parametrize("covered", [b"", cryptogram(), H("970100"), cryptogram() + H("970100")], ids=bytes.hex)
def test_without_mac(vault: Vault, covered: bytes):
    raw = HEADER + (bytes((len(covered),)) + covered if covered else b"") + b"\x00"
    assert refusal(vault, raw) == SW.SM_OBJECT_MISSING


WRONG = {
    "order": H("970100") + cryptogram(),
    "twice the data": cryptogram() + cryptogram(),
    "twice Le": H("970100970100"),
    "unknown object": H("800100"),
    "unknown object behind": cryptogram() + H("99029000"),
    "status in a command": H("99029000"),
    "odd cryptogram for an even instruction": tlv(0x85, Twin(ENC, MAC, 1).encrypt(DATA)),
    "both cryptograms": cryptogram() + tlv(0x85, bytes(16)),
    "plain data": tlv(0x81, DATA),
    "empty cryptogram": H("8700"),
    "padding indicator alone": H("870101"),
    "padding indicator 00": tlv(0x87, b"\x00" + bytes(16)),
    "padding indicator 02": tlv(0x87, b"\x02" + bytes(16)),
    "no padding indicator": tlv(0x87, bytes(16)),
    "half a block": tlv(0x87, b"\x01" + bytes(8)),
    "empty Le": H("9700"),
    "Le of 3 bytes": H("9703000000"),
    "Le of 16 bytes": tlv(0x97, bytes(16)),
    "length too long for its form": H("97810100"),
    "indefinite length": H("978000"),
    "tag of two bytes": H("5F3700"),
    "padding between": H("00"),
    "no data in the cryptogram": cryptogram(b""),
    "no padding in the cryptogram": tlv(0x87, b"\x01" + Twin(ENC, MAC, 1).encrypt(DATA)[:16]),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_objects_under_a_right_mac(vault: Vault, name: str):
    assert refusal(vault, made(WRONG[name])) == SW.SM_OBJECT_WRONG


def test_the_cryptogram_of_an_odd_instruction(vault: Vault):
    odd = tlv(0x85, Twin(ENC, MAC, 1).encrypt(DATA))
    assert session(vault).unprotect(made(odd, H("0CD70000"))).data == DATA
    assert refusal(vault, made(cryptogram(), H("0CD70000"))) == SW.SM_OBJECT_WRONG
    assert refusal(vault, made(H("8500"), H("0CD70000"))) == SW.SM_OBJECT_WRONG
    assert refusal(vault, made(tlv(0x85, bytes(15)), H("0CD70000"))) == SW.SM_OBJECT_WRONG


@pytest.mark.parametrize("length", [0, 1, 4, 7, 9, 16])
def test_a_mac_of_another_length(vault: Vault, length: int):
    right = Twin(ENC, MAC, 1).checksum(Twin(ENC, MAC, 1).command_mac_input(READ, b""))
    body = tlv(0x8E, (right[2:] + bytes(8))[:length])
    assert refusal(vault, READ + bytes((len(body),)) + body + b"\x00") == SW.SM_OBJECT_WRONG


@pytest.mark.parametrize("trailer", [H("00"), H("9701FF"), H("8E00"), H("8E080102030405060708")], ids=bytes.hex)
def test_bytes_behind_the_mac(vault: Vault, trailer: bytes):
    body = Twin(ENC, MAC, 1).checksum(Twin(ENC, MAC, 1).command_mac_input(READ, b"")) + trailer
    assert refusal(vault, READ + bytes((len(body),)) + body + b"\x00") == SW.SM_OBJECT_WRONG


def test_every_body_cut_short(vault: Vault):
    whole = CommandApdu.parse(made(cryptogram() + H("970100")))
    for length in range(whole.nc):
        status = refusal(vault, whole._replace(data=whole.data[:length]).encode())
        objects_end = length in (0, 35, 38)  # behind a data object
        assert (status == SW.SM_OBJECT_MISSING) == objects_end, length


@pytest.mark.parametrize(
    "padding", [bytes(16), b"\x80" + bytes(15) + bytes(16), b"\xff" * 16, bytes(15) + b"\x01"], ids=bytes.hex
)
def test_padding_that_is_none(vault: Vault, padding: bytes):
    class Unpadded(Twin):
        def encrypt(self, data: bytes) -> bytes:
            return super().encrypt(data)[: len(data)]

    twin = Unpadded(ENC, MAC, 1)
    assert refusal(vault, made(tlv(0x87, b"\x01" + twin.encrypt(padding)))) == SW.SM_OBJECT_WRONG


# ---- class and outer lengths -----------------------------------------------------------------------------------------------


def test_classes_that_say_something_else(vault: Vault):
    for cla in range(256):
        raw = made(H("970100"), bytes((cla,)) + READ[1:])
        fields = apdu.class_fields(cla)
        if fields["form"] == "reserved":
            assert refusal(vault, raw) == SW.CLA_NOT_SUPPORTED
        elif fields["s"] == 3:
            assert session(vault).unprotect(raw).cla == cla & 0xF3
        else:
            assert refusal(vault, raw) == SW.SM_OBJECT_WRONG


def test_without_room_for_an_answer(vault: Vault):
    raw = made(H("970100"), READ)
    assert refusal(vault, raw[:-1]) == SW.WRONG_LENGTH
    assert refusal(vault, raw[:-1] + b"\x0d") == SW.WRONG_LENGTH
    card = session(vault)
    assert card.unprotect(raw[:-1] + b"\x0e").ne == 256
    assert len(card.protect(b"\x90\x00", odd=False)) == 16


@pytest.mark.parametrize(
    "raw", [b"", H("0C"), H("0CB000"), H("0CB0000005"), H("0CB00000000000"), bytes(65_545), bytes(100_000)], ids=len
)
def test_no_command(vault: Vault, raw: bytes):
    card = session(vault)
    with pytest.raises(CardError) as caught:
        card.unprotect(raw)
    assert caught.value.sw == (SW.SM_OBJECT_MISSING if raw == H("0CB00000000000") else SW.WRONG_LENGTH)
    assert isinstance(caught.value, ApduError) == (caught.value.sw == SW.WRONG_LENGTH)
    assert not card.live
    assert vault.live == 0


# ---- every bit, order, repetition ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "plain",
    [
        "00440000",
        "00B0000000",
        "00B00000000000",
        "00D6000003010203",
        "00880000050102030405 08",
        "00B100000454020004 00",
        "10860000027C0000",
    ],
)
def test_every_bit_of_a_command_counts(vault: Vault, plain: str):
    raw = Twin(ENC, MAC).protect_command(H(plain))
    outer = len(raw) - 1  # nothing protects Le outside: it says only how much may come back
    if case(raw).extended:
        outer -= 1
    for bit in range(8 * outer):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        refusal(vault, bytes(flipped))
    assert session(vault).unprotect(raw).encode() == H(plain)


@pytest.mark.parametrize("plain", ["9000", "6982", "0102039000", "02010202010D6282", "00" * 100 + "9000"])
@pytest.mark.parametrize("odd", [False, True])
def test_every_bit_of_a_response_counts(vault: Vault, plain: str, odd: bool):
    raw = Twin(ENC, MAC).protect_response(H(plain), odd)
    for bit in range(8 * len(raw)):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 0x80 >> bit % 8
        host = session(vault)
        with pytest.raises(SecureMessagingError):
            host.unprotect_response(bytes(flipped), odd)
        assert not host.live
        assert Twin(ENC, MAC).unprotect_response(bytes(flipped), odd) is None
    assert session(vault).unprotect_response(raw, odd).encode() == H(plain)
    assert vault.live == 0


def test_a_repeated_command(vault: Vault):
    card = session(vault)
    raw = Twin(ENC, MAC).protect_command(H("00B0000000"))
    card.unprotect(raw)
    card.protect(b"\x90\x00", odd=False)
    with pytest.raises(CardError, match="wrong"):
        card.unprotect(raw)


def test_a_command_left_out(vault: Vault):
    card, twin = session(vault), Twin(ENC, MAC)
    twin.protect_command(H("00B0000000"))
    with pytest.raises(CardError):
        card.unprotect(twin.protect_command(H("00B0000000")))


def test_a_response_to_another_command(vault: Vault):
    host, card = session(vault), Twin(ENC, MAC)
    first = card.unprotect_command(host.protect_command(CommandApdu.parse(H("00B0000000"))))
    assert first == H("00B0000000")
    old = card.protect_response(H("9000"), odd=False)
    assert host.unprotect_response(old, odd=False).ok
    host.protect_command(CommandApdu.parse(H("00B0000000")))
    with pytest.raises(SecureMessagingError, match="answers another command"):
        host.unprotect_response(old, odd=False)


def test_a_command_sent_back(vault: Vault):
    host = session(vault)
    raw = host.protect_command(CommandApdu.parse(H("00B0000000")))
    with pytest.raises(SecureMessagingError):
        host.unprotect_response(raw, odd=False)


# ---- responses -------------------------------------------------------------------------------------------------------------


def answered(vault: Vault, raw: bytes, *, odd: bool = False) -> SecureMessagingError:
    host = session(vault)
    with pytest.raises(SecureMessagingError) as caught:
        host.unprotect_response(raw, odd)
    assert not host.live
    assert Twin(ENC, MAC).unprotect_response(raw, odd) is None
    with pytest.raises(SecureMessagingError, match="the session is over"):
        host.protect_command(CommandApdu.parse(H("00B0000000")))
    with pytest.raises(SecureMessagingError, match="the session is over"):
        host.unprotect_response(raw, odd)
    return caught.value


def test_a_plain_status_word_says_that_the_session_is_over(vault: Vault):
    error = answered(vault, H("6988"))
    assert error.sw == SW.SM_OBJECT_WRONG
    assert "6988 A secure messaging data object is wrong" in str(error)
    assert answered(vault, H("9000")).sw == SW.OK


def with_mac(covered: bytes, sw: bytes = H("9000")) -> bytes:
    twin = Twin(ENC, MAC, 1)
    return covered + twin.checksum(twin.response_mac_input(covered)) + sw


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        H("90"),
        H("019000"),
        H("990290009000"),
        with_mac(b""),
        with_mac(cryptogram()),
        with_mac(H("990190")),
        with_mac(H("9903900000")),
        with_mac(H("99029000") + cryptogram()),
        with_mac(H("9902900099029000")),
        with_mac(H("99029000"), H("6982")),
        with_mac(H("99026982")),
        with_mac(H("97010099029000")),
        with_mac(tlv(0x81, DATA) + H("99029000")),
        with_mac(tlv(0x85, bytes(16)) + H("99029000")),
        with_mac(H("8700") + H("99029000")),
        with_mac(cryptogram(b"") + H("99029000")),
        bytes(70_000),
    ],
    ids=lambda raw: raw.hex()[:40],
)
def test_wrong_responses(vault: Vault, raw: bytes):
    assert answered(vault, raw).sw is None


# ---- the mistakes that others have made --------------------------------------------------------------------------------------


class CounterFromTwo(Twin):
    def __init__(self, enc: bytes, mac: bytes) -> None:
        super().__init__(enc, mac, 1)


class IvFromOldCounter(Twin):
    def iv(self) -> bytes:
        return Twin(self.enc, self.mac, self.ssc - 1).iv()


class IvOfZeroes(Twin):
    def iv(self) -> bytes:
        return bytes(16)


class MacWithoutPadding(Twin):
    def command_mac_input(self, header: bytes, covered: bytes) -> bytes:
        return super().command_mac_input(header, b"") + covered

    def response_mac_input(self, covered: bytes) -> bytes:
        return self.counter() + covered


class HeaderNotPaddedByItself(Twin):
    def command_mac_input(self, header: bytes, covered: bytes) -> bytes:
        return self.response_mac_input(header + covered)


class HeaderPaddedTwice(Twin):
    def command_mac_input(self, header: bytes, covered: bytes) -> bytes:
        return super().command_mac_input(header, covered) + (b"" if covered else b"\x80" + bytes(15))


class MacOverItsOwnTag(Twin):
    def command_mac_input(self, header: bytes, covered: bytes) -> bytes:
        return super().command_mac_input(header, covered + b"\x8e")

    def response_mac_input(self, covered: bytes) -> bytes:
        return super().response_mac_input(covered + b"\x8e")


class TailOfMac(Twin):
    def shortened(self, mac: bytes) -> bytes:
        return mac[-8:]


class PlainHeaderInMac(Twin):
    def command_mac_input(self, header: bytes, covered: bytes) -> bytes:
        return super().command_mac_input(bytes((header[0] & 0xF3,)) + header[1:], covered)


ANY_COMMAND = [CounterFromTwo, MacOverItsOwnTag, TailOfMac, PlainHeaderInMac]


@pytest.mark.parametrize("mistaken", [*ANY_COMMAND, HeaderPaddedTwice])
def test_mistakes_in_a_command_without_data(vault: Vault, mistaken: type[Twin]):
    with pytest.raises(CardError):
        session(vault).unprotect(mistaken(ENC, MAC).protect_command(H("00440000")))


@pytest.mark.parametrize("mistaken", [*ANY_COMMAND, MacWithoutPadding, HeaderNotPaddedByItself])
def test_mistakes_in_a_command(vault: Vault, mistaken: type[Twin]):
    with pytest.raises(CardError):
        session(vault).unprotect(mistaken(ENC, MAC).protect_command(H("00D6000003010203")))


@pytest.mark.parametrize("mistaken", [IvFromOldCounter, IvOfZeroes])
def test_a_wrong_initial_vector_does_not_give_the_data(vault: Vault, mistaken: type[Twin]):
    """The MAC does not cover it: with one block it changes data and padding, with more the first block only."""
    with pytest.raises(CardError):
        session(vault).unprotect(mistaken(ENC, MAC).protect_command(H("00D6000003010203")))
    data = bytes(range(32))
    opened = session(vault).unprotect(mistaken(ENC, MAC).protect_command(H("00D6000020") + data))
    assert opened.data[:16] != data[:16]
    assert opened.data[16:] == data[16:]


@pytest.mark.parametrize("mistaken", [CounterFromTwo, MacWithoutPadding, MacOverItsOwnTag, TailOfMac])
def test_mistakes_in_a_response(vault: Vault, mistaken: type[Twin]):
    with pytest.raises(SecureMessagingError):
        session(vault).unprotect_response(mistaken(ENC, MAC).protect_response(H("9000"), odd=False), odd=False)


def test_le_is_neither_dropped_nor_widened(vault: Vault):
    for plain, le in (
        ("00B0000000", "970100"),
        ("00B0000010", "970110"),
        ("00B00000000000", "97020000"),
        ("00B00000000001", "97020001"),
    ):
        body = CommandApdu.parse(session(vault).protect_command(CommandApdu.parse(H(plain)))).data
        assert body[:-10] == H(le)
    assert session(vault).protect_command(CommandApdu.parse(H("00440000"))).endswith(b"\x00")
