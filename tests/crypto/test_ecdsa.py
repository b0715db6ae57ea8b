# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import ecdsa
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from secmod.crypto import CURVES, Curve, PrivateKey, Vault, by_name, check_point, verify
from secmod.errors import CryptoError, PointError, SignatureError
from tests.crypto.der import DerError, der_signature, plain_signature, public_key_info
from tests.crypto.vectors import load, wycheproof

HASHES: dict[int, HashAlgorithm] = {32: SHA256(), 48: SHA384(), 64: SHA512()}
DIGEST = hashlib.sha256(b"message").digest()
PYCA: dict[str, Callable[[], ec.EllipticCurve]] = {
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
}
PYTHON_ECDSA = {"secp256r1": ecdsa.NIST256p, "secp384r1": ecdsa.NIST384p} | {
    name: getattr(ecdsa, name.replace("brainpool", "BRAINPOOL")) for name in CURVES if name.startswith("brainpool")
}


@pytest.fixture(scope="module")
def key(vault: Vault, curve: Curve) -> Iterator[PrivateKey]:
    made = vault.generate(curve)
    yield made
    made.release()


def digest_of(group_sha: str, message: str) -> bytes:
    return hashlib.new(group_sha.replace("-", ""), bytes.fromhex(message)).digest()


# ---- known answers --------------------------------------------------------------------------------------------------------


def accepted(curve: Curve, point: bytes, digest: bytes, signature: bytes) -> bool:
    try:
        verify(curve, point, digest, signature)
    except SignatureError:
        return False
    return True


@pytest.mark.parametrize(
    "name",
    [
        "ecdsa_brainpoolP256r1_sha256",
        "ecdsa_brainpoolP384r1_sha384",
        "ecdsa_brainpoolP384r1_sha384_p1363",
        "ecdsa_secp256r1_sha256",
        "ecdsa_secp256r1_sha256_p1363",
    ],
)
def test_wycheproof(name: str):
    wrong = []
    for group, test in wycheproof(name):
        curve = by_name(group["publicKey"]["curve"])
        point = bytes.fromhex(group["publicKey"]["uncompressed"])
        signature = bytes.fromhex(test["sig"])
        try:
            plain = signature if name.endswith("p1363") else plain_signature(signature, curve.field_bytes)
        except DerError:
            right = test["result"] == "invalid"
        else:
            right = accepted(curve, point, digest_of(group["sha"], test["msg"]), plain) == (test["result"] == "valid")
        if not right:
            wrong.append((test["tcId"], test["comment"], test["result"]))
    assert wrong == []


def test_cavp_and_rfc_6979_signatures_verify(vault: Vault):
    cases = load("cavp_ecdsa_siggen_secp256r1_sha256.json")["cases"] + load("rfc6979_ecdsa_nist.json")["cases"]
    assert len(cases) == 35
    for case in cases:
        key = vault.import_key(by_name(case.get("curve", "secp256r1")), bytes.fromhex(case["private"]))
        digest = digest_of(case.get("hash", "SHA-256"), case["msg"])
        verify(key.curve, key.public_point, digest, bytes.fromhex(case["signature_plain_rs"]))
        key.release()


# ---- other libraries ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", HASHES)
def test_cryptography_accepts_our_signatures(key: PrivateKey, length: int):
    digest = bytes(range(length))
    public = ec.EllipticCurvePublicKey.from_encoded_point(PYCA[key.curve.name](), key.public_point)
    public.verify(der_signature(key.sign(digest)), digest, ec.ECDSA(utils.Prehashed(HASHES[length])))


@pytest.mark.parametrize("length", HASHES)
def test_we_accept_the_signatures_of_cryptography(curve: Curve, length: int):
    digest = bytes(range(length))
    private = ec.generate_private_key(PYCA[curve.name]())
    point = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    signature = private.sign(digest, ec.ECDSA(utils.Prehashed(HASHES[length])))
    verify(curve, point, digest, plain_signature(signature, curve.field_bytes))


def test_python_ecdsa_accepts_our_signatures(key: PrivateKey):
    public = ecdsa.VerifyingKey.from_string(key.public_point, PYTHON_ECDSA[key.curve.name])
    assert public.verify_digest(key.sign(DIGEST), DIGEST)


def test_we_accept_the_signatures_of_python_ecdsa(curve: Curve):
    private = ecdsa.SigningKey.generate(PYTHON_ECDSA[curve.name])
    verify(curve, private.verifying_key.to_string("uncompressed"), DIGEST, private.sign_digest(DIGEST))


def test_the_openssl_program_accepts_our_signatures(key: PrivateKey, tmp_path: Path):
    (tmp_path / "public.der").write_bytes(public_key_info(key.curve.oid, key.public_point))
    (tmp_path / "signature").write_bytes(der_signature(key.sign(DIGEST)))
    (tmp_path / "digest").write_bytes(DIGEST)
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "public.der"]
    subprocess.run([*command, "-sigfile", "signature", "-in", "digest"], cwd=tmp_path, check=True, capture_output=True)


def test_we_accept_the_signatures_of_the_openssl_program(curve: Curve, tmp_path: Path):
    def openssl(*arguments: str) -> bytes:
        return subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True).stdout

    name = "prime256v1" if curve.name == "secp256r1" else curve.name
    (tmp_path / "digest").write_bytes(DIGEST)
    openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{name}", "-out", "private.pem")
    point = openssl("pkey", "-in", "private.pem", "-pubout", "-outform", "DER")[-curve.point_bytes :]
    signature = openssl("pkeyutl", "-sign", "-inkey", "private.pem", "-in", "digest")
    verify(curve, point, DIGEST, plain_signature(signature, curve.field_bytes))


# ---- properties -----------------------------------------------------------------------------------------------------------


def test_every_signature_is_another_one(key: PrivateKey):
    assert len({key.sign(DIGEST) for _ in range(20)}) == 20


@pytest.mark.parametrize("length", [1, 20, 31, 33, 63])
def test_hashes_of_any_length_up_to_64_bytes_are_signed(key: PrivateKey, length: int):
    digest = bytes(range(1, 1 + length))
    verify(key.curve, key.public_point, digest, key.sign(digest))


def test_a_longer_hash_counts_up_to_the_length_of_n(key: PrivateKey):
    size = key.curve.bits // 8
    digest = bytes(range(64))
    signature = key.sign(digest)
    verify(key.curve, key.public_point, digest[:size], signature)
    if size < 64:
        verify(key.curve, key.public_point, digest[:size] + bytes(64 - size), signature)


@pytest.mark.parametrize("length", [0, 65, 1000])
def test_a_hash_of_another_length_is_refused(key: PrivateKey, length: int):
    with pytest.raises(CryptoError, match="a length"):
        key.sign(bytes(length))
    with pytest.raises(CryptoError, match="a length"):
        verify(key.curve, key.public_point, bytes(length), bytes(key.curve.signature_bytes))


def test_the_negative_s_verifies_too(key: PrivateKey):
    order = PYTHON_ECDSA[key.curve.name].order
    size = key.curve.field_bytes
    signature = key.sign(DIGEST)
    s = int.from_bytes(signature[size:], "big")
    verify(key.curve, key.public_point, DIGEST, signature[:size] + (order - s).to_bytes(size, "big"))


@pytest.mark.parametrize("where", ["r", "s"])
@pytest.mark.parametrize("value", ["0", "n", "n+1", "all ones"])
def test_r_and_s_out_of_range_are_refused(key: PrivateKey, where: str, value: str):
    size, order = key.curve.field_bytes, PYTHON_ECDSA[key.curve.name].order
    number = {"0": 0, "n": order, "n+1": order + 1, "all ones": (1 << 8 * size) - 1}[value].to_bytes(size, "big")
    signature = key.sign(DIGEST)
    changed = number + signature[size:] if where == "r" else signature[:size] + number
    with pytest.raises(SignatureError):
        verify(key.curve, key.public_point, DIGEST, changed)


@settings(deadline=None)
@given(data=st.data())
def test_a_changed_bit_anywhere_is_noticed(key: PrivateKey, data: st.DataObject):
    def flip(octets: bytes) -> bytes:
        bit = data.draw(st.integers(0, 8 * len(octets) - 1))
        return bytes(octet ^ (0x80 >> bit % 8 if index == bit // 8 else 0) for index, octet in enumerate(octets))

    signature = key.sign(DIGEST)
    with pytest.raises(SignatureError):
        verify(key.curve, key.public_point, DIGEST, flip(signature))
    with pytest.raises(SignatureError):
        verify(key.curve, key.public_point, flip(DIGEST), signature)
    with pytest.raises(PointError):  # flips of the prefix, of x or of y leave the curve
        check_point(key.curve, flip(key.public_point))


@settings(deadline=None)
@given(signature=st.binary(max_size=200))
def test_any_bytes_are_no_signature(key: PrivateKey, signature: bytes):
    with pytest.raises(SignatureError):
        verify(key.curve, key.public_point, DIGEST, signature)


@settings(deadline=None)
@given(point=st.binary(max_size=200))
def test_any_bytes_are_no_point(curve: Curve, point: bytes):
    with pytest.raises(PointError):
        check_point(curve, point)
    with pytest.raises(PointError):
        verify(curve, point, DIGEST, bytes(curve.signature_bytes))


# ---- points ---------------------------------------------------------------------------------------------------------------


def is_point(curve: Curve, octets: bytes) -> bool:
    try:
        check_point(curve, octets)
    except PointError:
        return False
    return True


def test_only_the_uncompressed_form_on_its_own_curve_is_a_point(key: PrivateKey):
    curve, point = key.curve, key.public_point
    field = curve.field_bytes
    prime = PYTHON_ECDSA[curve.name].curve.p()
    x, y = point[1 : 1 + field], point[1 + field :]
    wrong = {
        "infinity": b"\x00",
        "empty": b"",
        "compressed": bytes([2 + (y[-1] & 1)]) + x,
        "hybrid": bytes([6 + (y[-1] & 1)]) + x + y,
        "no prefix": x + y,
        "shorter": point[:-1],
        "longer": point + b"\x00",
        "zeroes": b"\x04" + bytes(2 * field),
        "x = p": b"\x04" + prime.to_bytes(field, "big") + y,
        "y = p": b"\x04" + x + prime.to_bytes(field, "big"),
        "y + 1": b"\x04" + x + ((int.from_bytes(y, "big") + 1) % prime).to_bytes(field, "big"),
        "swapped": b"\x04" + y + x,
    }
    assert [name for name, octets in wrong.items() if is_point(curve, octets)] == []
    assert [other.name for other in CURVES.values() if is_point(other, point)] == [curve.name]


def test_coordinates_are_taken_below_p_and_not_modulo_p(curve: Curve):
    prime, size = PYTHON_ECDSA[curve.name].curve.p(), curve.field_bytes
    parameters = PYTHON_ECDSA[curve.name].curve
    for x in range(200):  # a small x, so that x + p still fits into the field's bytes on some curves
        square = (x**3 + parameters.a() * x + parameters.b()) % prime
        y = pow(square, (prime + 1) // 4, prime)
        if y * y % prime == square and (x + prime) >> (8 * size) == 0:
            assert is_point(curve, b"\x04" + x.to_bytes(size, "big") + y.to_bytes(size, "big"))
            assert not is_point(curve, b"\x04" + (x + prime).to_bytes(size, "big") + y.to_bytes(size, "big"))
            return
    pytest.fail("no such x")
