# SPDX-License-Identifier: Apache-2.0
"""Distinguished encoding: each rule of X.690 that the card looks at, broken one at a time."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod.apdu import Tlv
from secmod.card import der
from secmod.errors import TlvError
from tests.card.pki import date

GOOD = [
    "0101FF",
    "010100",
    "020100",
    "020180",
    "02020080",
    "0202FF7F",
    "030100",
    "03020780",
    "0400",
    "0500",
    "06022A03",
    "06028100",
    "0C00",
    "0C02C3B6",
    "1303413F27",
    "160161",
    "170D3235303130313030303030305A",
    "180F32303530303130313030303030305A",
    "3000",
    "3100",
    "3103020101",
    "3106020101020102",
    "3106020101" + "0C0161",
    "A003020101",
    "8103FFFFFF",
    "300730053003020101",
]


@pytest.mark.parametrize("coding", GOOD)
def test_what_is_right(coding: str) -> None:
    der.check(Tlv.parse_all(bytes.fromhex(coding)))


BAD = {
    "BOOLEAN 01": "010101",
    "BOOLEAN empty": "0100",
    "BOOLEAN of two octets": "0102FFFF",
    "INTEGER empty": "0200",
    "INTEGER with a needless 00": "0202007F",
    "INTEGER with a needless FF": "0202FF80",
    "BIT STRING empty": "0300",
    "BIT STRING, eight unused bits": "03020880",
    "BIT STRING, unused bits of nothing": "030101",
    "BIT STRING, unused bits set": "03020781",
    "NULL with content": "050100",
    "OBJECT IDENTIFIER empty": "0600",
    "OBJECT IDENTIFIER cut off": "06022A83",
    "OBJECT IDENTIFIER with leading 80": "06032A8003",
    "OBJECT IDENTIFIER beginning with 80": "06028003",
    "UTF8String broken": "0C01C3",
    "PrintableString with *": "13012A",
    "PrintableString with @": "130140",
    "PrintableString with a line feed": "1302410A",
    "IA5String beyond ASCII": "160180",
    "UTCTime without seconds": "170B323530313031303030305A",
    "UTCTime, 31 April": "170D3235303433313030303030305A",
    "UTCTime, other digits": "1711" + "٢٥٠١٠١".encode().hex() + "303030305A",
    "GeneralizedTime before 2050": "180F32303439303130313030303030305A",
    "ENUMERATED": "0A0101",
    "REAL": "0900",
    "TeletexString": "140161",
    "BMPString": "1E020061",
    "OCTET STRING, constructed": "2403040100",
    "UTF8String, constructed": "2C030C0161",
    "SEQUENCE, primitive": "1003020101",
    "SET, not sorted": "3106020102020101",
    "SET, not sorted by tag": "31060C0161020101",
    "broken in a context tag": "A003010101",
    "broken deep inside": "300730053003010101",
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong(case: str) -> None:
    with pytest.raises(TlvError):
        der.check(Tlv.parse_all(bytes.fromhex(BAD[case])))


def test_depth() -> None:
    nested = b""
    for _ in range(16):
        nested = Tlv(0x30, nested).encode()
    der.check(Tlv.parse_all(nested))
    for _ in range(2000):
        nested = Tlv(0xA0, nested).encode()
    with pytest.raises(TlvError, match="nested"):
        der.check(Tlv.parse_all(nested))


@given(st.integers(0, int((date(9999) - date(1950)).total_seconds())))
def test_times(seconds: int) -> None:
    moment = date(1950) + datetime.timedelta(seconds=seconds)
    digits = f"{moment.year:04}{moment:%m%d%H%M%S}Z"
    entry = Tlv(0x18, digits.encode()) if moment.year >= 2050 else Tlv(0x17, digits[2:].encode())
    assert der.time(entry) == moment


@given(st.integers(1, 2**256 - 1), st.integers(1, 2**256 - 1))
def test_signatures(r: int, s: int) -> None:
    numbers = [Tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1)) for number in (r, s)]
    assert der.signature(Tlv.of(0x30, *numbers).encode(), 32) == r.to_bytes(32) + s.to_bytes(32)
    with pytest.raises(TlvError):
        der.signature(Tlv.of(0x30, *numbers).encode(), (max(r, s).bit_length() - 1) // 8)


@given(st.binary(max_size=80))
def test_any_bytes(data: bytes) -> None:
    for octets in (data, Tlv(0x30, data).encode(), Tlv(0x31, data).encode()):
        try:
            der.check(Tlv.parse_all(octets))
        except TlvError:
            continue
        assert b"".join(entry.encode() for entry in Tlv.parse_all(octets)) == octets
