# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import ecdsa
import pytest

from secmod.crypto import Curve, PrivateKey, Vault, by_name, verify
from secmod.errors import CryptoError, HandleError

P256 = by_name("brainpoolP256r1")
DIGEST = bytes(range(32))


@pytest.fixture
def own() -> Iterator[Vault]:
    with Vault() as made:
        yield made


def test_a_vault_that_does_not_check_signs_the_same(curve: Curve):
    signatures = []
    for check in (True, False):
        with Vault(deterministic_seed=b"checks", check_signatures=check) as vault:
            key = vault.generate(curve)
            signatures.append(key.sign(DIGEST))
            verify(curve, key.public_point, DIGEST, signatures[-1])
    assert signatures[0] == signatures[1]


# ---- how long a key lives -------------------------------------------------------------------------------------------------


def test_the_vault_counts_what_lives_in_it(own: Vault):
    keys = [own.generate(P256) for _ in range(3)]
    assert (own.live, repr(own)) == (3, "Vault(3 secrets)")
    keys[1].release()
    assert own.live == 2
    own.clear()
    assert own.live == 0


def test_a_key_that_nothing_refers_to_is_wiped(own: Vault):
    key = own.generate(P256)
    assert own.live == 1
    del key
    gc.collect()
    assert own.live == 0


def test_a_released_key_does_no_more_work(own: Vault):
    key = own.generate(P256)
    point = key.public_point
    key.release()
    key.release()
    with pytest.raises(HandleError, match="no secret lives under this handle"):
        key.sign(DIGEST)
    with pytest.raises(HandleError):
        key.agree(point)
    assert key.public_point == point


def test_releasing_leaves_the_key_that_took_the_place(own: Vault):
    old = own.generate(P256)
    old.release()
    new = own.generate(P256)
    old.release()
    del old
    gc.collect()
    verify(P256, new.public_point, DIGEST, new.sign(DIGEST))


def test_a_handle_opens_nothing_in_another_vault(own: Vault):
    key = own.generate(P256)
    with Vault() as other:
        stranger = other.generate(P256)
        with pytest.raises(HandleError):
            PrivateKey(other._vault, key.handle, P256)
        assert stranger.sign(DIGEST)
        assert other.live == 1
    assert own.live == 1


def test_a_closed_vault_refuses_work_and_its_keys_are_gone():
    vault = Vault()
    key = vault.generate(P256)
    vault.close()
    vault.close()
    assert (vault.live, repr(vault)) == (0, "Vault(closed)")
    with pytest.raises(HandleError):
        key.sign(DIGEST)
    with pytest.raises(HandleError, match="this vault is closed"):
        vault.generate(P256)
    with pytest.raises(HandleError):
        vault.random(1)


def test_a_key_outlives_the_last_reference_to_its_vault():
    key = Vault().generate(P256)
    gc.collect()
    verify(P256, key.public_point, DIGEST, key.sign(DIGEST))


def test_a_full_vault_says_so_and_goes_on(own: Vault):
    keys = [own.generate(by_name("secp256r1")) for _ in range(256)]
    with pytest.raises(CryptoError, match="the vault is full: it holds 256 secrets"):
        own.generate(P256)
    keys[77].release()
    assert own.generate(P256).sign(DIGEST)


# ---- what a key shows -----------------------------------------------------------------------------------------------------


def test_a_key_shows_nothing_but_its_curve(own: Vault):
    assert repr(own.generate(P256)) == "PrivateKey(brainpoolP256r1)"


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_key_is_not_copied(own: Vault, way: Callable[[object], object]):
    with pytest.raises(TypeError, match="does not leave its vault"):
        way(own.generate(P256))


def test_generated_keys_are_different_and_on_their_curve(own: Vault, curve: Curve):
    keys = [own.generate(curve) for _ in range(10)]
    assert len({key.public_point for key in keys}) == 10
    for key in keys:
        assert len(key.public_point) == curve.point_bytes
        verify(curve, key.public_point, DIGEST, key.sign(DIGEST))


# ---- known keys -----------------------------------------------------------------------------------------------------------


def order_of(curve: Curve) -> int:
    name = {"secp256r1": "NIST256p", "secp384r1": "NIST384p"}.get(curve.name, curve.name.replace("brainpool", "BRAINPOOL"))
    return int(getattr(ecdsa, name).order)


def test_scalars_from_1_to_n_minus_1_are_keys(own: Vault, curve: Curve):
    order, size = order_of(curve), curve.field_bytes
    first, last = (own.import_key(curve, scalar.to_bytes(size, "big")) for scalar in (1, order - 1))
    half = 1 + size
    assert first.public_point[:half] == last.public_point[:half]  # G and -G
    assert first.public_point[half:] != last.public_point[half:]
    for scalar in (0, order, order + 1, (1 << 8 * size) - 1):
        with pytest.raises(CryptoError, match="the private scalar is not in"):
            own.import_key(curve, scalar.to_bytes(size, "big"))
    assert own.live == 2


@pytest.mark.parametrize("change", [-1, 1])
def test_a_scalar_of_another_length_is_refused(own: Vault, curve: Curve, change: int):
    with pytest.raises(CryptoError, match="a length"):
        own.import_key(curve, b"\x01" * (curve.field_bytes + change))


# ---- threads --------------------------------------------------------------------------------------------------------------


def test_threads_share_a_key(own: Vault):
    key = own.generate(P256)
    digests = [bytes([number]) * 32 for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        for digest, signature in zip(digests, pool.map(key.sign, digests), strict=True):
            verify(P256, key.public_point, digest, signature)


def test_threads_make_use_and_release_keys_beside_each_other(own: Vault):
    peer = own.generate(P256)

    def life(number: int) -> bool:
        key = own.generate(P256)
        digest = bytes([number]) * 32
        verify(P256, key.public_point, digest, key.sign(digest))
        same = key.agree(peer.public_point) == peer.agree(key.public_point)
        key.release()
        return same

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(life, range(100)))
    assert own.live == 1


def test_a_key_released_at_work_finishes_or_is_gone(own: Vault):
    def sign(key: PrivateKey) -> bool:
        try:
            verify(P256, key.public_point, DIGEST, key.sign(DIGEST))
        except HandleError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            key = own.generate(P256)
            work = [pool.submit(sign, key) for _ in range(4)]
            key.release()
            assert {task.result() for task in work} <= {True, False}
    assert own.live == 0


def test_garbage_in_cycles_is_collected_in_any_order() -> None:
    """A vault and its secrets that refer to each other are freed by Python's collector in an order of its own."""

    class Holder:
        pass

    for _ in range(20):
        holder = Holder()
        holder.vault = Vault()
        holder.keys = [holder.vault.generate(by_name("secp256r1")), holder.vault.password(b"1234567890")]
        holder.self = holder
        del holder
        gc.collect()
