# SPDX-License-Identifier: Apache-2.0
"""Sealing against an independent implementation: `cryptography`'s AES-GCM, HKDF, HMAC and scrypt."""

from __future__ import annotations

import copy
import hmac
import os
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from hypothesis import given
from hypothesis import strategies as st

from secmod.crypto import CURVES, Curve, Password, PrivateKey, StoreKey, Vault, by_name, scrypt_cost, verify
from secmod.errors import CryptoError, HandleError, KeyFileError, RandomAlarmError, SealError

P256 = by_name("brainpoolP256r1")
KEY = bytes(range(100, 132))
SCALAR = bytes(range(1, 65))
CONTEXT = b"module 7 / key 3 / 41"
SHARED = Vault()


@pytest.fixture
def own() -> Iterator[Vault]:
    with Vault() as made:
        yield made


def known(vault: Vault, key: bytes = KEY) -> StoreKey:
    """The store key with these bytes, by way of a file."""
    reader, writer = os.pipe()
    os.write(writer, key)
    os.close(writer)
    try:
        return vault.store_key_from_file(reader)
    finally:
        os.close(reader)


def derived(label: bytes, key: bytes = KEY) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=32, info=label).derive(key)


def header(kind: int, oid: bytes = b"") -> bytes:
    return bytes([1, kind, len(oid)]) + oid


def opened(blob: bytes, head: bytes, label: bytes, context: bytes) -> bytes:
    """What another implementation finds in a blob."""
    assert blob.startswith(head)
    rest = blob[len(head) :]
    return AESGCM(derived(label)).decrypt(rest[:12], rest[12:], head + context)


def closed(plain: bytes, head: bytes, label: bytes, context: bytes) -> bytes:
    nonce = bytes(range(12))
    return head + nonce + AESGCM(derived(label)).encrypt(nonce, plain, head + context)


# ---- known answers --------------------------------------------------------------------------------------------------------


def test_a_private_key_is_sealed_as_the_header_says(own: Vault, curve: Curve):
    scalar = SCALAR[: curve.field_bytes]
    blob = known(own).seal(own.import_key(curve, scalar), CONTEXT)
    assert opened(blob, header(1, curve.oid), b"secmod seal", CONTEXT) == scalar


@pytest.mark.parametrize("length", [1, 6, 10, 32])
def test_a_password_is_sealed_as_the_header_says(own: Vault, length: int):
    value = b"12345678901234567890123456789012"[:length]
    blob = known(own).seal(own.password(value), CONTEXT)
    assert opened(blob, header(2), b"secmod seal", CONTEXT) == bytes([length]) + value.ljust(32, b"\x00")


def test_a_store_key_is_wrapped_as_the_header_says(own: Vault):
    other = bytes(range(32))
    blob = known(own).wrap(known(own, other), CONTEXT)
    assert opened(blob, header(3), b"secmod wrap", CONTEXT) == other


def test_what_another_implementation_has_sealed_is_opened(own: Vault, curve: Curve):
    scalar = SCALAR[: curve.field_bytes]
    key = known(own).unseal(closed(scalar, header(1, curve.oid), b"secmod seal", CONTEXT), CONTEXT)
    assert isinstance(key, PrivateKey)
    assert (key.curve, key.public_point) == (curve, own.import_key(curve, scalar).public_point)
    password = known(own).unseal(closed(b"\x03" + b"135".ljust(32, b"\x00"), header(2), b"secmod seal", b""), b"")
    assert isinstance(password, Password)
    assert password.length == 3
    assert password.matches(b"135")
    assert not password.matches(b"1350")


def test_what_no_vault_has_sealed_is_refused_though_its_tag_is_right(own: Vault):
    for plain in (bytes(32), b"\xff" * 32):
        with pytest.raises(SealError):
            known(own).unseal(closed(plain, header(1, P256.oid), b"secmod seal", CONTEXT), CONTEXT)
    for plain in (b"\x00" + bytes(32), b"\x21" + b"1" * 32, b"\x02" + b"123".ljust(32, b"\x00")):
        with pytest.raises(SealError):
            known(own).unseal(closed(plain, header(2), b"secmod seal", CONTEXT), CONTEXT)
    assert own.live == 0


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_tags_are_those_of_hmac(data: bytes, context: bytes):
    tag = known(SHARED).tag(data, context)
    expected = hmac.digest(derived(b"secmod tag"), len(context).to_bytes(4, "big") + context + data, "sha256")
    assert tag == expected
    known(SHARED).check(tag, data, context)


@pytest.mark.parametrize(("log2_n", "r", "p"), [(4, 1, 1), (10, 8, 1), (12, 8, 2), (15, 8, 1)])
def test_a_passphrase_becomes_the_key_that_scrypt_makes(own: Vault, log2_n: int, r: int, p: int):
    salt = bytes(range(16))
    key = Scrypt(salt=salt, length=32, n=2**log2_n, r=r, p=p).derive("pāssphrase".encode())
    tag = own.store_key_from_passphrase("pāssphrase".encode(), salt, log2_n, r, p).tag(b"data", CONTEXT)
    assert tag == hmac.digest(derived(b"secmod tag", key), len(CONTEXT).to_bytes(4, "big") + CONTEXT + b"data", "sha256")


# ---- there and back -------------------------------------------------------------------------------------------------------


def test_a_key_comes_back_and_signs(own: Vault, curve: Curve):
    store = own.store_key()
    key = own.generate(curve)
    blob, point = store.seal(key, CONTEXT), key.public_point
    key.release()
    again = store.unseal(blob, CONTEXT)
    assert isinstance(again, PrivateKey)
    assert again.public_point == point
    verify(curve, point, bytes(32), again.sign(bytes(32)))


@given(st.binary(min_size=1, max_size=32), st.binary(max_size=64))
def test_a_password_comes_back(value: bytes, context: bytes):
    store = known(SHARED)
    password = store.unseal(store.seal(SHARED.password(value), context), context)
    assert isinstance(password, Password)
    assert password.length == len(value)
    assert password.matches(value)


def test_the_length_of_a_blob_tells_kind_and_curve_alone(own: Vault):
    store = own.store_key()
    assert len({len(store.seal(own.password(b"1" * length), b"x" * length)) for length in range(1, 33)}) == 1
    for curve in CURVES.values():
        lengths = {len(store.seal(own.generate(curve), bytes(length))) for length in range(5)}
        assert lengths == {3 + len(curve.oid) + 12 + curve.field_bytes + 16}


def test_the_same_secret_is_never_sealed_alike(own: Vault):
    store, key = own.store_key(), own.generate(P256)
    assert len({store.seal(key, CONTEXT) for _ in range(100)}) == 100


def test_no_two_secrets_share_a_nonce_where_random_numbers_repeat():
    nonces = set()
    for scalar in range(1, 20):
        with Vault(deterministic_seed=b"again") as vault:
            store, key = known(vault), vault.import_key(P256, scalar.to_bytes(32, "big"))
            blob = store.seal(key, CONTEXT)
            nonces.add(blob[12:24])
            with Vault(deterministic_seed=b"again") as same:
                assert known(same).seal(same.import_key(P256, scalar.to_bytes(32, "big")), CONTEXT) == blob
    assert len(nonces) == 19


def test_a_store_key_is_wrapped_copied_and_resealed(own: Vault):
    with Vault() as other:
        outer, data = own.store_key(), other.store_key()
        sealed = data.seal(other.password(b"123456"), CONTEXT)
        wrapped = outer.wrap(data.copy_to(own), b"data key")
        again = outer.unwrap(wrapped, b"data key")
        assert again.unseal(sealed, CONTEXT).handle != 0
        new = own.store_key()
        moved, rewrapped = again.reseal(sealed, CONTEXT, new, b"new"), outer.reseal(wrapped, b"data key", new, b"new")
        password = new.unseal(moved, b"new")
        assert isinstance(password, Password)
        assert password.matches(b"123456")
        assert new.unwrap(rewrapped, b"new").tag(b"", b"") == data.tag(b"", b"")
        for refused in (
            lambda: again.unseal(moved, b"new"),
            lambda: new.unseal(moved, CONTEXT),
            lambda: outer.reseal(sealed, CONTEXT, new, b"new"),
            lambda: again.reseal(sealed, b"another", new, b"new"),
        ):
            with pytest.raises(SealError):
                refused()


# ---- what is refused ------------------------------------------------------------------------------------------------------


def test_every_bit_of_a_blob_counts(own: Vault, curve: Curve):
    store = own.store_key()
    for blob in (
        store.seal(own.import_key(curve, SCALAR[: curve.field_bytes]), CONTEXT),
        store.seal(own.password(b"12"), CONTEXT),
    ):
        live = own.live
        for bit in range(8 * len(blob)):
            changed = bytearray(blob)
            changed[bit // 8] ^= 1 << bit % 8
            with pytest.raises(SealError):
                store.unseal(bytes(changed), CONTEXT)
        assert own.live == live


def test_every_bit_of_a_wrapped_key_and_of_a_tag_counts(own: Vault):
    store, other = own.store_key(), own.store_key()
    blob, tag = store.wrap(other, CONTEXT), store.tag(b"data", CONTEXT)
    for bit in range(8 * len(blob)):
        with pytest.raises(SealError):
            store.unwrap((int.from_bytes(blob, "big") ^ 1 << bit).to_bytes(len(blob), "big"), CONTEXT)
    for bit in range(8 * len(tag)):
        with pytest.raises(SealError):
            store.check((int.from_bytes(tag, "big") ^ 1 << bit).to_bytes(len(tag), "big"), b"data", CONTEXT)
    for wrong in (b"", tag[:-1], tag + b"\x00"):
        with pytest.raises(SealError):
            store.check(wrong, b"data", CONTEXT)
    for data, context in ((b"datb", CONTEXT), (b"data", CONTEXT + b"d"), (b"", CONTEXT + b"data"), (CONTEXT, b"data")):
        with pytest.raises(SealError):
            store.check(tag, data, context)


def test_other_lengths_are_refused(own: Vault):
    store = own.store_key()
    blob = store.seal(own.generate(P256), CONTEXT)
    for wrong in (*(blob[:length] for length in range(len(blob))), blob + b"\x00", blob + blob, b"\x01" * 1000):
        with pytest.raises(SealError):
            store.unseal(wrong, CONTEXT)


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(blob: bytes):
    store = known(SHARED)
    with pytest.raises(SealError):
        store.unseal(blob, CONTEXT)
    with pytest.raises(SealError):
        store.unwrap(blob, CONTEXT)
    with pytest.raises(SealError):
        store.unseal(header(1, P256.oid) + blob, CONTEXT)


def test_another_context_or_key_is_refused(own: Vault):
    store, other = own.store_key(), own.store_key()
    first, second = store.seal(own.password(b"11"), b"first"), store.seal(own.password(b"22"), b"second")
    for key, blob, context in (
        (store, first, b"second"),
        (store, second, b"first"),
        (store, first, b""),
        (other, first, b"first"),
    ):
        with pytest.raises(SealError, match="not what was sealed"):
            key.unseal(blob, context)
    with pytest.raises(SealError):  # what stands between header and context can not be moved
        store.unseal(header(1, P256.oid)[:3] + first[3:], P256.oid + b"first")


def test_a_kind_is_taken_for_no_other(own: Vault):
    store = own.store_key()
    key, password, wrapped = (
        store.seal(own.generate(P256), b""),
        store.seal(own.password(b"1"), b""),
        store.wrap(own.store_key(), b""),
    )
    for blob in (key, password):
        with pytest.raises(SealError):
            store.unwrap(blob, b"")
    with pytest.raises(SealError):
        store.unseal(wrapped, b"")
    with pytest.raises(HandleError):
        store.seal(own.store_key(), b"")  # type: ignore[arg-type]
    with pytest.raises(HandleError):
        store.seal(own.session_keys(bytes(16), bytes(16)), b"")  # type: ignore[arg-type]
    with pytest.raises(HandleError):
        store.wrap(own.password(b"1"), b"")  # type: ignore[arg-type]


def test_secrets_of_another_vault_are_not_sealed(own: Vault):
    with Vault() as other, pytest.raises(HandleError):
        own.store_key().seal(other.generate(P256), b"")


def test_a_released_store_key_does_no_more(own: Vault):
    store, password = own.store_key(), own.password(b"1")
    blob = store.seal(password, b"")
    store.release()
    for refused in (
        lambda: store.seal(password, b""),
        lambda: store.unseal(blob, b""),
        lambda: store.tag(b"", b""),
        lambda: store.wrap(store, b""),
        lambda: store.copy_to(own),
    ):
        with pytest.raises(HandleError):
            refused()
    assert own.live == 1


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_store_key_is_not_pickled(own: Vault, way: object):
    assert callable(way)
    with pytest.raises(TypeError, match="does not leave its vault"):
        way(own.store_key())


def test_contexts_of_65536_bytes_and_no_more(own: Vault):
    store, password = own.store_key(), own.password(b"1")
    assert store.unseal(store.seal(password, bytes(65536)), bytes(65536)).handle
    for refused in (lambda: store.seal(password, bytes(65537)), lambda: store.tag(b"", bytes(65537))):
        with pytest.raises(CryptoError, match="a length"):
            refused()


def test_after_an_alarm_nothing_is_sealed(own: Vault):
    store, password = own.store_key(), own.password(b"1")
    blob = store.seal(password, b"")
    own.raise_alarm()
    with pytest.raises(RandomAlarmError):
        store.seal(password, b"")
    with pytest.raises(RandomAlarmError):
        own.store_key()
    assert store.unseal(blob, b"").handle
    own.power_on()
    own.raise_alarm()
    with pytest.raises(RandomAlarmError):
        store.unseal(blob, b"")


# ---- passphrases and key files --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log2_n", "r", "p"), [(0, 8, 1), (-1, 8, 1), (23, 1, 1), (15, 0, 1), (15, 8, 0), (20, 16, 1), (22, 8, 1), (5, 65, 1)]
)
def test_costs_that_are_none_or_too_high(own: Vault, log2_n: int, r: int, p: int):
    with pytest.raises(CryptoError, match="store key: a length, curve or option"):
        own.store_key_from_passphrase(b"passphrase", bytes(16), log2_n, r, p)


def test_passphrases_and_salts_of_other_lengths(own: Vault):
    for passphrase in (b"", b"1" * 1025):
        with pytest.raises(CryptoError, match="store key: a length"):
            own.store_key_from_passphrase(passphrase, bytes(16), 4)
    with pytest.raises(CryptoError, match="a salt has 16 bytes, not 8"):
        own.store_key_from_passphrase(b"passphrase", bytes(8), 4)
    assert own.store_key_from_passphrase(b"1" * 1024, bytes(16), 4).tag(b"", b"")


def test_the_cost_of_a_passphrase_is_never_below_15():
    assert scrypt_cost(0) == 15
    assert 15 <= scrypt_cost(40) <= 19


def test_a_key_file_is_made_and_read(own: Vault, tmp_path: Path):
    path = tmp_path / "key"
    with path.open("wb") as file:
        made = own.make_key_file(file.fileno())
    assert path.stat().st_size == 32
    with path.open("rb") as file:
        assert own.store_key_from_file(file.fileno()).tag(b"", b"") == made.tag(b"", b"")
    assert known(own, path.read_bytes()).tag(b"", b"") == made.tag(b"", b"")


@pytest.mark.parametrize("length", [0, 1, 31, 33, 5000])
def test_key_files_of_other_lengths(own: Vault, tmp_path: Path, length: int):
    path = tmp_path / "key"
    path.write_bytes(bytes(length))
    with path.open("rb") as file, pytest.raises(KeyFileError, match="another length than 32 bytes"):
        own.store_key_from_file(file.fileno())
    assert own.live == 0


def test_files_that_can_not_be_read_or_written(own: Vault, tmp_path: Path):
    path = tmp_path / "key"
    path.write_bytes(bytes(32))
    with path.open("rb") as file, pytest.raises(KeyFileError):
        own.make_key_file(file.fileno())
    with path.open("ab") as file, pytest.raises(KeyFileError):
        own.store_key_from_file(file.fileno())
    with pytest.raises(KeyFileError):
        own.store_key_from_file(-1)
    with Path("/dev/full").open("wb") as file, pytest.raises(KeyFileError):
        own.make_key_file(file.fileno())
    assert own.live == 0
