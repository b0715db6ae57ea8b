# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import ecdsa
import pytest

from secmod.crypto import CURVES, Curve, by_name, by_oid
from secmod.errors import CryptoError

NATIVE = Path(__file__).parents[2] / "native"
sys.path.insert(0, str(NATIVE))

from generate_curves import CurveBlock, Domain, Twin, header, write_sources  # noqa: E402  (the generator lives beside the C sources)

BLOCKS = tomllib.loads((NATIVE / "curves.toml").read_text(encoding="utf-8"))["curve"]
OTHER_NAMES = {"secp256r1": "NIST256p", "secp384r1": "NIST384p"}  # as python-ecdsa calls them


def test_the_core_offers_the_curves_of_the_table_in_its_order():
    assert [(block["name"], block["bits"], block["field_bytes"], number) for number, block in enumerate(BLOCKS)] == [
        (curve.name, curve.bits, curve.field_bytes, curve.index) for curve in CURVES.values()
    ]


def test_sizes_follow_from_the_field():
    p384 = by_name("brainpoolP384r1")
    assert (p384.point_bytes, p384.signature_bytes) == (97, 96)


def test_curves_are_found_by_oid(curve: Curve):
    assert by_oid(curve.oid) is curve
    assert by_oid(curve.oid[:-1]) is None


def test_oids_are_those_of_rfc_5639_and_sec_2():
    assert {curve.name: curve.oid.hex() for curve in CURVES.values()} == {
        "brainpoolP256r1": "2b2403030208010107",
        "brainpoolP384r1": "2b240303020801010b",
        "brainpoolP512r1": "2b240303020801010d",
        "secp256r1": "2a8648ce3d030107",
        "secp384r1": "2b81040022",
    }


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(CryptoError, match=r"no curve is called 'P-521'; there are brainpoolP256r1, .*secp384r1"):
        by_name("P-521")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block["name"])
def test_domain_parameters_are_those_of_python_ecdsa(block: dict[str, str]):
    name = block["name"]
    other = getattr(ecdsa, OTHER_NAMES.get(name, name.replace("brainpool", "BRAINPOOL")))
    p, a, b, x, y, n = (int(block[key], 16) for key in ("p", "a", "b", "Gx", "Gy", "n"))
    assert (p, a % p, b, n) == (other.curve.p(), other.curve.a() % p, other.curve.b(), other.order)
    assert (x, y) == (other.generator.x(), other.generator.y())
    assert block["oid"] == ".".join(map(str, other.oid))


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block["name"])
def test_domain_parameters_are_those_of_openssl(block: dict[str, str]):
    name = "prime256v1" if block["name"] == "secp256r1" else block["name"]
    command = ["openssl", "ecparam", "-name", name, "-param_enc", "explicit", "-outform", "DER"]
    explicit = subprocess.run(command, check=True, capture_output=True).stdout
    for key in ("p", "a", "b", "Gx", "Gy", "n"):
        assert bytes.fromhex(block[key]) in explicit, key


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"b": "01"}, "the base point is not on the curve"),
        ({"bits": 255}, "bits is not the length of n"),
        ({"field_bytes": 31}, "field_bytes is not the length of p"),
        ({"name": "n" * 24}, "the name has more than 23 characters"),
        ({"a": "0", "b": "0", "Gx": "0", "Gy": "0"}, "the curve is singular"),
        ({"Gx": "FF" * 32}, "a coefficient or coordinate is not below p"),
        ({"oid": "1.2" + ".3" * 16}, "the OID has more than 16 octets"),
    ],
)
def test_the_generator_refuses_a_block_that_is_no_curve(change: dict[str, str | int], fault: str):
    with pytest.raises(ValueError, match=fault):
        header([BLOCKS[0] | change])


def test_the_sources_are_rewritten_only_if_their_content_changes(tmp_path: Path):
    target = tmp_path / "curves_gen.h"
    write_sources(NATIVE / "curves.toml", tmp_path)
    content, before = target.read_text(), target.stat().st_mtime_ns
    write_sources(NATIVE / "curves.toml", tmp_path)
    assert target.stat().st_mtime_ns == before
    target.write_text("old")
    write_sources(NATIVE / "curves.toml", tmp_path)
    assert target.read_text() == content


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block["name"])
def test_the_twin_is_the_curve_of_python_ecdsa_with_a_3(block: dict[str, str]):
    name = block["name"]
    other = getattr(ecdsa, OTHER_NAMES.get(name, name.replace("brainpool", "BRAINPOOL").replace("r1", "t1")))
    twin = Twin.of(CurveBlock.parse(block))
    assert (twin.p, twin.n, twin.b) == (other.curve.p(), other.order, other.curve.b())
    assert other.curve.a() % twin.p == twin.p - 3
    x, y = twin.base
    assert x == other.generator.x()
    assert y in {other.generator.y(), twin.p - other.generator.y()}  # u or -u: both map to this curve


def test_a_curve_without_a_twin_is_refused():
    # a = 1: -3 is no fourth power modulo this p
    x, p = 2, 0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377
    block = BLOCKS[0] | {"a": "1", "Gx": f"{x:X}", "Gy": "1", "b": f"{(1 - x**3 - x) % p:X}"}
    with pytest.raises(ValueError, match="no isomorphic curve with a = -3 is known"):
        Twin.of(CurveBlock.parse(block))


def limbs_of(text: str, name: str) -> list[int]:
    """The words of the first initialiser called so, put together to numbers by nobody yet."""
    return [int(word, 16) for word in re.search(rf"\.{name} = \{{([^}}]*)\}}", text)[1].split(", ")]


def number_of(words: list[int]) -> int:
    return sum(word << 64 * i for i, word in enumerate(words))


@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=lambda number: BLOCKS[number]["name"])
def test_the_constants_are_what_plain_integers_say(number: int):
    block = BLOCKS[number]
    p, n, a, b = (int(block[key], 16) for key in "pnab")
    domain = Domain.of(number, CurveBlock.parse(block))
    radix = 1 << int(block["field_bytes"]) * 8
    row = domain.row()
    for modulus, part in ((p, row[row.index(".p = ") : row.index(".n = ")]), (n, row[row.index(".n = ") : row.index(".b = ")])):
        assert number_of(limbs_of(part, "m")) == modulus
        assert number_of(limbs_of(part, "one")) == radix % modulus
        assert number_of(limbs_of(part, "r2")) == radix * radix % modulus
        assert int(re.search(r"n0 = (\w+)", part)[1], 16) * modulus % 2**64 == 2**64 - 1
    to_x, to_y, from_x, from_y, twin_b = (
        number_of(limbs_of(row, name)) * pow(radix, -1, p) % p for name in ("to_x", "to_y", "from_x", "from_y", "b")
    )
    assert to_x * from_x % p == to_y * from_y % p == 1
    assert to_x**3 % p == to_y**2 % p  # u^6
    assert a * to_x**2 % p == p - 3
    assert b * to_y**2 % p == twin_b


@pytest.mark.parametrize("number", range(len(BLOCKS)), ids=lambda number: BLOCKS[number]["name"])
def test_every_row_of_the_comb_holds_the_odd_multiples(number: int):
    block = BLOCKS[number]
    domain = Domain.of(number, CurveBlock.parse(block))
    p, n = domain.twin.p, domain.twin.n
    limbs = domain.limbs
    text = domain.comb()
    words = [int(word, 16) for word in re.findall(r"0x[0-9a-f]{16}", text)]
    assert len(words) == domain.words()
    unit = pow(1 << 64 * limbs, -1, p)
    values = [number_of(words[i : i + limbs]) * unit % p for i in range(0, len(words), limbs)]
    points = list(zip(values[::2], values[1::2], strict=True))
    per_row = len(points) // domain.windows()
    assert all((y * y - x**3 + 3 * x - domain.twin.b) % p == 0 for x, y in points)
    other = ecdsa.ellipticcurve.CurveFp(p, -3, domain.twin.b)
    base = ecdsa.ellipticcurve.PointJacobi(other, *domain.twin.base, 1, n)
    window = per_row.bit_length()
    for row in range(0, domain.windows(), 7):
        for column in (0, 1, per_row // 2, per_row - 1):
            expected = base * ((2 * column + 1) << window * row)
            assert points[row * per_row + column] == (expected.x(), expected.y()), (row, column)
    # each point is the one before it and twice the first of its row: the chord's slope says so, whatever else is wrong
    for row in range(domain.windows()):
        first, *rest = points[row * per_row : (row + 1) * per_row]
        slope = (3 * first[0] ** 2 - 3) * pow(2 * first[1], -1, p) % p
        twice_x = (slope * slope - 2 * first[0]) % p
        twice = (twice_x, (slope * (first[0] - twice_x) - first[1]) % p)
        before = first
        for point in rest:
            assert ((twice[1] - before[1]) * (point[0] - before[0]) + (point[1] + before[1]) * (twice[0] - before[0])) % p == 0
            assert point[0] != before[0]
            assert point[0] != twice[0]
            before = point


def test_bits_that_do_not_fill_the_limbs_are_refused():
    block = BLOCKS[0] | {"bits": 255}
    with pytest.raises(ValueError, match="bits is not the length of n"):
        CurveBlock.parse(block)
    narrow = CurveBlock("narrow", "1.2.3", 192, 24, (1 << 192) - 1, 1, 1, 1, 1, (1 << 192) - 3)
    with pytest.raises(ValueError, match="p and n must have all of"):
        Domain.of(0, narrow)
