# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import re
from struct import Struct, calcsize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secmod._native import ffi
from secmod.crypto import CURVES, PrivateKey, Vault, agree_many, batch, by_name, sign_many, verify, verify_many
from secmod.errors import CryptoError, HandleError, PointError, SignatureError
from tests.crypto.der import DerError, plain_signature, public_point
from tests.crypto.vectors import wycheproof

DIGESTS = [hashlib.sha512(bytes([i])).digest()[: 1 + i * 7 % 64] for i in range(40)]


@pytest.fixture(scope="module")
def keys(vault: Vault) -> list[PrivateKey]:
    """Two of each curve."""
    return [vault.generate(curve) for curve in CURVES.values() for _ in range(2)]


@pytest.mark.parametrize("name", ["sign", "verify", "agree", "generate"])
def test_the_rows_are_the_structs_of_the_header(name: str):
    row: Struct = getattr(batch, name.upper())
    codes = re.findall(r"[PQi]|\d+s", row.format.rsplit("0", 1)[0])
    places = [calcsize("".join(codes[: i + 1])) - calcsize(code) for i, code in enumerate(codes)]
    layout = ffi.typeof(f"struct secmod_{name}_job")
    assert row.size == ffi.sizeof(layout)
    assert [(field.offset, ffi.sizeof(field.type)) for _, field in layout.fields] == [
        (place, calcsize(code)) for place, code in zip(places, codes, strict=True)
    ]


def test_no_jobs_are_done_at_once(vault: Vault):
    assert sign_many([]) == []
    assert verify_many([]) == []
    assert agree_many([]) == []
    assert vault.generate_many([]) == []


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 40])
def test_signatures_of_mixed_keys_verify(keys: list[PrivateKey], count: int):
    jobs = [(keys[i * 7 % len(keys)], DIGESTS[i]) for i in range(count)]
    signatures = sign_many(jobs)
    assert len({str(signature) for signature in signatures}) == count
    checks = []
    for (key, digest), signature in zip(jobs, signatures, strict=True):
        assert isinstance(signature, bytes)
        verify(key.curve, key.public_point, digest, signature)
        checks.append((key.curve, key.public_point, digest, signature))
    assert verify_many(checks) == [None] * count


def test_bad_jobs_fail_alone(vault: Vault, keys: list[PrivateKey]):
    gone = vault.generate(keys[0].curve)
    gone.release()
    outcomes = sign_many([(keys[0], DIGESTS[0]), (gone, DIGESTS[1]), (keys[1], b""), (keys[1], bytes(65)), (keys[2], DIGESTS[2])])
    assert [type(outcome) for outcome in outcomes] == [bytes, HandleError, CryptoError, CryptoError, bytes]
    key, other = keys[0], keys[1]
    good = outcomes[0]
    assert isinstance(good, bytes)
    shared = agree_many(
        [(key, other.public_point), (gone, other.public_point), (key, bytes(65)), (key, b""), (other, key.public_point)]
    )
    assert [type(outcome) for outcome in shared] == [bytes, HandleError, PointError, PointError, bytes]
    assert shared[0] == shared[4] == key.agree(other.public_point)
    curve, point, digest = key.curve, key.public_point, DIGESTS[0]
    verified = verify_many(
        [
            (curve, point, digest, good),
            (curve, point, digest, good[:-1]),
            (curve, point, digest, good + b"\0"),
            (curve, point[:-1], digest, good),
            (curve, b"\x02" + point[1:], digest, good),
            (curve, other.public_point, digest, good),
            (curve, point, b"", good),
            (curve, point, digest + b"\0" * 64, good),
            (curve, point, digest, good),
        ]
    )
    assert [type(outcome) for outcome in verified] == [
        type(None), SignatureError, SignatureError, PointError, PointError, SignatureError, CryptoError, CryptoError, type(None),
    ]  # fmt: skip


SIGNATURES = ["brainpoolP256r1_sha256", "brainpoolP384r1_sha384_p1363", "secp256r1_sha256_p1363"]


def test_wycheproof_signatures_in_one_batch():
    jobs, results = [], []
    for name in SIGNATURES:
        for group, test in wycheproof(f"ecdsa_{name}"):
            curve, signature = by_name(group["publicKey"]["curve"]), bytes.fromhex(test["sig"])
            if not name.endswith("p1363"):
                try:
                    signature = plain_signature(signature, curve.field_bytes)
                except DerError:
                    continue
            digest = hashlib.new(group["sha"].replace("-", ""), bytes.fromhex(test["msg"])).digest()
            jobs.append((curve, bytes.fromhex(group["publicKey"]["uncompressed"]), digest, signature))
            results.append(test["result"])
    assert len(jobs) > 700
    assert ["invalid" if outcome else "valid" for outcome in verify_many(jobs)] == results


def test_wycheproof_agreements_in_one_batch():
    jobs, tests = [], []
    for name in ("ecdh_brainpoolP256r1", "ecdh_secp256r1_ecpoint"):
        vaults: list[Vault] = []  # one holds no more than 256 keys
        for group, test in wycheproof(name):
            curve, public = by_name(group["curve"]), bytes.fromhex(test["public"])
            try:
                point = public if group["encoding"] == "ecpoint" else public_point(public, curve.oid)
            except DerError:
                continue
            if len(tests) % 200 == 0 or not vaults:
                vaults.append(Vault())
            key = vaults[-1].import_key(curve, int(test["private"], 16).to_bytes(curve.field_bytes, "big"))
            jobs.append((key, point))
            tests.append(test)
    assert len(jobs) > 500
    for test, outcome in zip(tests, agree_many(jobs), strict=True):
        if isinstance(outcome, bytes):
            assert test["result"] != "invalid"
            assert outcome.hex() == test["shared"]
        else:
            assert isinstance(outcome, PointError)
            assert test["result"] != "valid"


def test_keys_of_two_vaults_and_the_same_key_twice(keys: list[PrivateKey]):
    with Vault() as another:
        key = another.generate(keys[0].curve)
        points = [keys[0].public_point, keys[1].public_point]
        outcomes = agree_many([(key, points[0]), (keys[0], key.public_point), (key, points[1]), (keys[1], key.public_point)])
        assert outcomes[0] == outcomes[1] != outcomes[2] == outcomes[3]


def test_many_keys_are_made_until_the_vault_is_full():
    with Vault() as vault:
        made = vault.generate_many([curve for curve in CURVES.values() for _ in range(52)])
        kept = [key for key in made if isinstance(key, PrivateKey)]
        assert len(kept) == vault.live == 256
        assert all("full" in str(key) for key in made if not isinstance(key, PrivateKey))
        assert len({key.public_point for key in kept}) == 256
        for key in kept[::40]:
            verify(key.curve, key.public_point, DIGESTS[0], key.sign(DIGESTS[0]))
    with pytest.raises(HandleError, match="closed"):
        vault.generate_many([])


@settings(deadline=None)
@given(data=st.data())
def test_any_bytes_end_in_the_exception_of_the_single_operation(keys: list[PrivateKey], data: st.DataObject):
    some = st.binary(max_size=200)
    jobs = data.draw(st.lists(st.tuples(st.sampled_from(list(CURVES.values())), some, some, some), max_size=12))
    for (curve, point, digest, signature), outcome in zip(jobs, verify_many(jobs), strict=True):
        with pytest.raises(CryptoError) as single:
            verify(curve, point, digest, signature)
        assert type(outcome) is type(single.value)
        assert str(outcome) == str(single.value)
    agreed = agree_many([(data.draw(st.sampled_from(keys)), point) for _, point, _, _ in jobs])
    assert all(isinstance(outcome, PointError) for outcome in agreed)
