# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import copy
import gc
import pickle
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod.crypto import Vault
from secmod.errors import CryptoError, HandleError

SHARED = Vault()


@pytest.fixture
def own() -> Iterator[Vault]:
    with Vault() as made:
        yield made


@given(st.binary(min_size=1, max_size=32), st.binary(max_size=40))
def test_a_password_matches_itself_alone(value: bytes, other: bytes):
    password = SHARED.password(value)
    assert password.matches(value)
    assert password.matches(other) == (value == other)
    assert password.length == len(value)


@pytest.mark.parametrize("length", [1, 10, 31, 32])
def test_every_bit_and_the_length_count(own: Vault, length: int):
    value = bytes(range(7, 7 + length))
    password = own.password(value)
    for bit in range(8 * length):
        changed = bytearray(value)
        changed[bit // 8] ^= 1 << bit % 8
        assert not password.matches(bytes(changed))
    for other in (b"", value[:-1], value + b"\x00", value + value, value.ljust(33, b"\x00"), value * 10_000):
        assert not password.matches(other)


def test_zeroes_at_the_end_are_not_padding(own: Vault):
    assert not own.password(b"12\x00").matches(b"12")
    assert not own.password(b"12").matches(b"12\x00")
    assert own.password(b"\x00").matches(b"\x00")


@pytest.mark.parametrize("length", [0, 33, 1000])
def test_passwords_of_other_lengths(own: Vault, length: int):
    with pytest.raises(CryptoError, match="password: a length"):
        own.password(bytes(length))
    assert own.live == 0


def test_a_password_is_wiped_with_its_handle(own: Vault):
    password = own.password(b"1234567890")
    assert (own.live, repr(password)) == (1, "Password()")
    password.release()
    password.release()
    assert own.live == 0
    with pytest.raises(HandleError):
        password.matches(b"1234567890")
    password = own.password(b"1234567890")
    del password
    gc.collect()
    assert own.live == 0


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, pickle.dumps])
def test_a_password_is_not_copied(own: Vault, way: object):
    assert callable(way)
    with pytest.raises(TypeError, match="does not leave its vault"):
        way(own.password(b"1234567890"))


def test_a_handle_opens_nothing_of_another_kind(own: Vault):
    password, key, keys = own.password(b"12"), own.session_keys(bytes(16), bytes(16)), own.session_keys(bytes(16), bytes(16))
    password.handle, key.handle = key.handle, password.handle
    with pytest.raises(HandleError):
        password.matches(b"12")
    assert own.live == 3
    keys.release()
