# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

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

from generate_curves import header, write_header  # noqa: E402  (the generator lives beside the C sources)

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


def test_the_header_is_rewritten_only_if_its_content_changes(tmp_path: Path):
    target = tmp_path / "curves_gen.h"
    write_header(NATIVE / "curves.toml", target)
    content, before = target.read_text(), target.stat().st_mtime_ns
    write_header(NATIVE / "curves.toml", target)
    assert target.stat().st_mtime_ns == before
    target.write_text("old")
    write_header(NATIVE / "curves.toml", target)
    assert target.read_text() == content
