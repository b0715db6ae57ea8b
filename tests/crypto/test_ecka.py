# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from secmod.crypto import Curve, Vault, by_name
from secmod.errors import PointError
from tests.crypto.der import DerError, public_point
from tests.crypto.vectors import load, wycheproof


def agreed(vault: Vault, curve: Curve, scalar: bytes, point: bytes) -> bytes:
    key = vault.import_key(curve, scalar)
    try:
        return key.agree(point)
    finally:
        key.release()


@pytest.mark.parametrize("case", load("rfc_brainpool_ecdh.json")["cases"], ids=lambda case: f"{case['rfc'][:8]}-{case['curve']}")
def test_rfc_7027_and_6932(vault: Vault, case: dict[str, str]):
    curve = by_name(case["curve"])
    points = {party: bytes.fromhex("04" + case[f"x_q{party}"] + case[f"y_q{party}"]) for party in "AB"}
    for own, other in ("AB", "BA"):
        key = vault.import_key(curve, bytes.fromhex(case[f"d{own}"]))
        assert key.public_point == points[own]
        assert key.agree(points[other]) == bytes.fromhex(case["x_Z"])
        key.release()


@pytest.mark.parametrize("name", ["ecdh_brainpoolP256r1", "ecdh_secp256r1", "ecdh_secp256r1_ecpoint"])
def test_wycheproof(vault: Vault, name: str):
    wrong, refused, agreements = [], 0, 0
    for group, test in wycheproof(name):
        curve = by_name(group["curve"])
        scalar = int(test["private"], 16).to_bytes(curve.field_bytes, "big")
        public = bytes.fromhex(test["public"])
        try:
            point = public if group["encoding"] == "ecpoint" else public_point(public, curve.oid)
            z = agreed(vault, curve, scalar, point)
        except (DerError, PointError) as refusal:
            refused += isinstance(refusal, PointError)
            right = test["result"] != "valid"
        else:
            agreements += 1
            right = test["result"] != "invalid" and z.hex() == test["shared"]
        if not right:
            wrong.append((test["tcId"], test["comment"], test["result"]))
    assert wrong == []
    assert agreements >= 300
    assert refused >= 15


def test_cryptography_agrees_with_us(vault: Vault, curve: Curve):
    kind = getattr(ec, curve.name.replace("brainpoolP", "BrainpoolP").replace("secp", "SECP").replace("r1", "R1"))
    theirs = ec.generate_private_key(kind())
    point = theirs.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    ours = vault.generate(curve)
    assert ours.agree(point) == theirs.exchange(
        ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(kind(), ours.public_point)
    )
    ours.release()


@settings(deadline=None, max_examples=25)
@given(data=st.data())
def test_both_ends_get_the_same_value(vault: Vault, curve: Curve, data: st.DataObject):
    below = (1 << curve.bits - 1) - 1  # n has its highest bit set on every curve, so this is below n
    scalars = [data.draw(st.integers(1, below)).to_bytes(curve.field_bytes, "big") for _ in range(2)]
    one, other = (vault.import_key(curve, scalar) for scalar in scalars)
    assert one.agree(other.public_point) == other.agree(one.public_point)
    one.release()
    other.release()


def test_leading_zeroes_of_z_are_kept(vault: Vault, curve: Curve):
    one = vault.import_key(curve, (1).to_bytes(curve.field_bytes, "big"))
    for _ in range(5000):  # one in 256 begins with a zero; each comes out as x(Q) itself, since d = 1
        other = vault.import_key(curve, vault.random(curve.field_bytes - 1).rjust(curve.field_bytes, b"\x00"))
        if other.public_point[1] == 0:
            assert one.agree(other.public_point) == other.public_point[1 : 1 + curve.field_bytes]
            return
        other.release()
    pytest.fail("no such point in 5000")


@settings(deadline=None)
@given(point=st.binary(max_size=200))
def test_any_bytes_are_refused(vault: Vault, curve: Curve, point: bytes):
    with pytest.raises(PointError):
        agreed(vault, curve, (1).to_bytes(curve.field_bytes, "big"), point)


def test_a_point_off_the_curve_is_refused(vault: Vault, curve: Curve):
    key = vault.generate(curve)
    for index in range(curve.point_bytes):
        changed = bytearray(key.public_point)
        changed[index] ^= 1
        with pytest.raises(PointError):
            key.agree(bytes(changed))
    with pytest.raises(PointError):
        key.agree(b"\x00")
    key.release()
