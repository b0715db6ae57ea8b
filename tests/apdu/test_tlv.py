# SPDX-License-Identifier: Apache-2.0
"""BER-TLV: the Python parser and the core's, both against one twin."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod._native import ffi, lib
from secmod.apdu import Tag, Tlv
from secmod.apdu.tlv import encode_all, find
from secmod.errors import TlvError
from tests.reference import tlv as twin


def parsed(data: bytes, padding: bytes = b"") -> list[tuple[int, bytes]] | None:
    """What the Python parser makes of the bytes."""
    try:
        return [(item.tag, item.value) for item in Tlv.parse_all(data, padding=padding)]
    except TlvError:
        return None


def parsed_by_core(data: bytes) -> list[tuple[int, bytes]] | None:
    """What the core makes of them, object by object."""
    objects = []
    out = ffi.new("struct secmod_tlv *")
    while data:
        status = lib.secmod_tlv_parse(data, len(data), out)
        if status != lib.SECMOD_OK:
            assert status == lib.SECMOD_E_ARGUMENT
            assert bytes(ffi.buffer(out)) == bytes(ffi.sizeof("struct secmod_tlv"))
            return None
        end = out.value_offset + out.value_length
        assert out.constructed == Tlv(out.tag).constructed
        objects.append((out.tag, data[out.value_offset : end]))
        data = data[end:]
    return objects


def check(data: bytes) -> None:
    """All three agree."""
    expected = twin.parse_all(data)
    assert parsed(data) == expected, data.hex()
    assert parsed_by_core(data) == expected, data.hex()
    assert parsed(data, b"\x00\xff") == twin.parse_all(data, b"\x00\xff"), data.hex()


@pytest.mark.parametrize(
    ("raw", "tag", "value"),
    [
        ("8000", 0x80, b""),
        ("800141", 0x80, b"A"),
        ("807F" + "41" * 127, 0x80, b"A" * 127),
        ("808180" + "41" * 128, 0x80, b"A" * 128),
        ("8081FF" + "41" * 255, 0x80, b"A" * 255),
        ("80820100" + "41" * 256, 0x80, b"A" * 256),
        ("8082FFFF" + "41" * 65535, 0x80, b"A" * 65535),
        ("8083010000" + "41" * 65536, 0x80, b"A" * 65536),
        ("7F4900", 0x7F49, b""),
        ("5F370141", 0x5F37, b"A"),
        ("1F1F00", 0x1F1F, b""),
        ("DF812100", 0xDF8121, b""),
        ("DFFF7F00", 0xDFFF7F, b""),
        ("FF4900", 0xFF49, b""),
        ("2000", 0x20, b""),
    ],
)
def test_well_formed_objects(raw: str, tag: int, value: bytes):
    data = bytes.fromhex(raw)
    assert Tlv.parse_all(data) == (Tlv(tag, value),)
    assert Tlv(tag, value).encode() == data
    check(data)


@pytest.mark.parametrize(
    "raw",
    [
        "80",  # no length
        "7F",
        "7F49",
        "DF81",
        "8001",  # value missing
        "800241",
        "8080",  # indefinite
        "80800000",
        "8081",  # length cut off
        "80817F" + "41" * 127,  # 7F fits in one byte
        "808100",
        "80820080" + "41" * 128,  # 80 fits in 81
        "808200FF" + "41" * 255,
        "8082",
        "808201",
        "8083000100" + "41" * 256,
        "8084000100" + "41",
        "8084FFFFFFFF",
        "80850000000001" + "41",
        "808800000000000000FF",
        "80FF" + "41" * 127,
        "0000",  # padding is no object
        "00",
        "5F1E00",  # number 30 fits in one byte
        "5F0000",
        "5F8021",  # a leading zero
        "5F802100",
        "5F818000",  # four bytes of tag
        "5F81808000",
        "8001418001",  # the second is cut off
        "80014100",
    ],
)
def test_malformed_objects(raw: str):
    data = bytes.fromhex(raw)
    with pytest.raises(TlvError):
        Tlv.parse_all(data)
    check(data)


def test_a_length_may_not_reach_beyond_the_end_by_overflow():
    for raw in ("8084FFFFFFFF", "8083FFFFFF", "8082FFFF00", "80847FFFFFFF00"):
        check(bytes.fromhex(raw))


def test_padding_is_skipped_in_files_only():
    data = bytes.fromhex("0000 8001AA 00 FF 8101BB 000000")
    assert Tlv.parse_all(data, padding=b"\x00\xff") == (Tlv(0x80, b"\xaa"), Tlv(0x81, b"\xbb"))
    assert Tlv.parse_all(b"\x00" * 100, padding=b"\x00") == ()
    with pytest.raises(TlvError):
        Tlv.parse_all(data, padding=b"\x00")
    with pytest.raises(TlvError):
        Tlv.parse_all(data)


def test_no_bytes_are_no_objects():
    assert Tlv.parse_all(b"") == ()
    with pytest.raises(TlvError, match="one data object expected, 0 found"):
        Tlv.parse(b"")
    with pytest.raises(TlvError, match="one data object expected, 2 found"):
        Tlv.parse(bytes.fromhex("80008100"))


def test_constructed_objects_have_children():
    point = bytes.fromhex("04AABB")
    key = Tlv.of(Tag.PUBLIC_KEY, Tlv(0x06, b"\x2a"), Tlv(0x86, point))
    assert key.encode() == bytes.fromhex("7F49 08 06012A 860304AABB")
    assert Tlv.parse(key.encode()) == key
    assert key.constructed
    assert key.children == (Tlv(0x06, b"\x2a"), Tlv(0x86, point))
    assert key.find(0x86) == Tlv(0x86, point)
    assert key.find(0x87) is None
    assert find(key.children, 0x06) == Tlv(0x06, b"\x2a")
    assert encode_all(key.children) == key.value


def test_primitive_objects_have_none():
    for tag in (0x80, 0x5F37, 0xDF8121):
        assert not Tlv(tag).constructed
        with pytest.raises(TlvError, match="primitive"):
            _ = Tlv(tag, b"\x80\x00").children
    with pytest.raises(TlvError):
        Tlv(0x30, b"\x80").find(0x80)


@pytest.mark.parametrize("tag", [-1, 0, 0x1F, 0x5F, 0x5F1E, 0x5F80, 0x8080, 0x5F8021, 0x5F8180, 0x5F818101])
def test_numbers_that_are_no_tags_are_not_sent(tag: int):
    with pytest.raises(TlvError, match="is no tag"):
        Tlv(tag).encode()


def test_the_representation_can_be_read_back():
    item = Tlv(0x7F49, b"\x86\x01\x04")
    assert repr(item) == "Tlv(0x7F49, bytes.fromhex('860104'))"
    assert eval(repr(item)) == item  # noqa: S307


tags = st.builds(
    lambda number, tag_class, constructed: twin.tag_octets(number, tag_class=tag_class, constructed=constructed),
    st.integers(0, 16383),
    st.sampled_from(twin.CLASSES),
    st.booleans(),
).filter(lambda octets: octets != b"\x00")
values = st.one_of(st.binary(max_size=10), st.sampled_from([126, 127, 128, 129, 255, 256, 257, 65535, 65536]).map(bytes))


@given(st.lists(st.tuples(tags, values), max_size=5))
def test_encode_and_parse_are_inverse(objects: list[tuple[bytes, bytes]]):
    items = [Tlv(int.from_bytes(tag, "big"), value) for tag, value in objects]
    data = encode_all(items)
    assert data == b"".join(tag + twin.length_octets(len(value)) + value for tag, value in objects)
    assert list(Tlv.parse_all(data)) == items
    check(data)


@given(st.binary(max_size=60))
def test_any_bytes_are_objects_or_refused(data: bytes):
    check(data)


def test_every_beginning_of_three_bytes_agrees():
    # Every first byte, with seconds and thirds at the edges of each field.
    edges = (0x00, 0x01, 0x02, 0x1E, 0x1F, 0x20, 0x7F, 0x80, 0x81, 0x82, 0x83, 0x84, 0x85, 0xFE, 0xFF)
    for first in range(256):
        for second in range(256):
            check(bytes([first, second]))
        for second in edges:
            for third in edges:
                check(bytes([first, second, third]))


def random_object(source: random.Random) -> bytes:
    """Bytes near a sequence of objects, with fields that may or may not be right."""
    data = b""
    for _ in range(source.randrange(1, 4)):
        tag = source.choice((source.randbytes(1), b"\x7f\x49", b"\x5f" + source.randbytes(1), b"\xdf" + source.randbytes(2)))
        length = source.choice((0, 1, 5, source.randrange(300), 127, 128))
        coded = source.choice((*[twin.length_octets(length)] * 6, b"\x81" + bytes([length & 0xFF]), b"\x80"))
        data += tag + coded + source.randbytes(length)
    return data[: len(data) - source.choice((0, 0, 0, 0, 1, source.randrange(len(data) + 1)))]


def test_random_objects_in_small_number():
    source = random.Random(4)
    for _ in range(3000):
        check(random_object(source))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_both_parsers_agree_with_the_twin_on_a_million_random_objects():
    source = random.Random(8825)
    well_formed = 0
    for _ in range(1_000_000):
        data = random_object(source)
        expected = twin.parse_all(data)
        assert parsed(data) == expected, data.hex()
        assert parsed_by_core(data) == expected, data.hex()
        well_formed += expected is not None
    assert 100_000 < well_formed < 900_000
