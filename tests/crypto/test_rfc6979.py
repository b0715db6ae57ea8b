# SPDX-License-Identifier: Apache-2.0
"""Nonces of signatures: RFC 6979 in known answers and in a deterministic vault, hedged with fresh randomness elsewhere."""

from __future__ import annotations

import hashlib
from typing import Any

import ecdsa
import pytest

from secmod.crypto import CURVES, Curve, Vault, by_name, verify
from secmod.crypto.ecdsa import sign_known
from secmod.errors import CryptoError
from tests.crypto.vectors import load

HASHES = {"SHA-256": hashlib.sha256, "SHA-384": hashlib.sha384, "SHA-512": hashlib.sha512}
RFC6979 = load("rfc6979_ecdsa_nist.json")["cases"]
CAVP = load("cavp_ecdsa_siggen_secp256r1_sha256.json")["cases"]
OF_OUR_HASHES = [case for case in RFC6979 if case["hash"] in HASHES]  # those with SHA-1 and SHA-224: native/tests/test_nonce.c


def test_the_vector_files_are_whole():
    assert len(RFC6979) == 20
    assert len(OF_OUR_HASHES) == 12
    assert len(CAVP) == 15


@pytest.mark.parametrize("case", OF_OUR_HASHES, ids=lambda case: f"{case['curve']}-{case['hash']}-{case['msg'][:4]}")
def test_rfc6979_appendix_a2(case: dict[str, Any]):
    curve, scalar = by_name(case["curve"]), bytes.fromhex(case["private"])
    digest = HASHES[case["hash"]](bytes.fromhex(case["msg"])).digest()
    expected = bytes.fromhex(case["signature_plain_rs"])
    assert sign_known(curve, scalar, digest) == expected
    with Vault(deterministic_seed=b"any") as vault:
        assert vault.import_key(curve, scalar).sign(digest) == expected


@pytest.mark.parametrize("case", CAVP, ids=lambda case: case["k"][:8])
def test_cavp_signatures_with_known_nonces(case: dict[str, Any]):
    digest = hashlib.sha256(bytes.fromhex(case["msg"])).digest()
    signature = sign_known(by_name("secp256r1"), bytes.fromhex(case["private"]), digest, bytes.fromhex(case["k"]))
    assert signature == bytes.fromhex(case["signature_plain_rs"])


@pytest.mark.parametrize("name", HASHES)
def test_other_curves_agree_with_another_implementation(curve: Curve, name: str):
    other = {"secp256r1": "NIST256p", "secp384r1": "NIST384p"}.get(curve.name, curve.name.replace("brainpool", "BRAINPOOL"))
    for number in range(3):
        scalar = hashlib.sha512(f"{curve.name} {number}".encode()).digest()[: curve.field_bytes]
        scalar = bytes([scalar[0] >> 1]) + scalar[1:]
        digest = HASHES[name](f"message {number}".encode()).digest()
        theirs = ecdsa.SigningKey.from_string(scalar, getattr(ecdsa, other))
        expected = theirs.sign_digest_deterministic(digest, HASHES[name], allow_truncate=True)
        assert sign_known(curve, scalar, digest) == expected


@pytest.mark.parametrize("length", [1, 20, 31, 33, 47, 63])
def test_a_hash_of_another_length_takes_the_hmac_of_the_curve(curve: Curve, length: int):
    scalar, digest = b"\x01" * curve.field_bytes, b"\xa5" * length
    signature = sign_known(curve, scalar, digest)
    with Vault(deterministic_seed=b"any") as vault:
        key = vault.import_key(curve, scalar)
        assert key.sign(digest) == signature
        verify(curve, key.public_point, digest, signature)


def test_scalars_and_nonces_out_of_range_are_refused(curve: Curve):
    size = curve.field_bytes
    good, zero, big = b"\x01" * size, bytes(size), b"\xff" * size
    for scalar, nonce in ((zero, b""), (big, b""), (good, zero), (good, big)):
        with pytest.raises(CryptoError, match="not in"):
            sign_known(curve, scalar, b"\x05" * 32, nonce)
    for scalar, nonce, digest in ((good[1:], b"", b"x"), (good, good[1:], b"x"), (good, b"", b""), (good, b"", bytes(65))):
        with pytest.raises(CryptoError, match="a length"):
            sign_known(curve, scalar, digest, nonce)


def test_hedged_nonces_differ_for_one_hash_and_every_signature_verifies(vault: Vault, curve: Curve):
    digest, key = b"\x07" * 32, vault.generate(curve)
    signatures = [key.sign(digest) for _ in range(20)]
    assert len({signature[: curve.field_bytes] for signature in signatures}) == 20
    for signature in signatures:
        verify(curve, key.public_point, digest, signature)


def test_a_hedged_signature_is_not_that_of_rfc6979(vault: Vault):
    scalar = b"\x11" * 32
    for curve in CURVES.values():
        if curve.field_bytes == len(scalar):
            assert vault.import_key(curve, scalar).sign(b"\x07" * 32) != sign_known(curve, scalar, b"\x07" * 32)
