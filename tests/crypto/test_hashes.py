# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod.crypto import sha256, sha384, sha512
from tests.crypto.vectors import cavp


@pytest.mark.parametrize(("function", "bits", "count"), [(sha256, 256, 65), (sha384, 384, 129), (sha512, 512, 129)])
def test_cavp(function: Callable[[bytes], bytes], bits: int, count: int):
    blocks = list(cavp(f"cavp_SHA{bits}ShortMsg.rsp"))
    assert len(blocks) == count
    for block in blocks:
        assert function(bytes.fromhex(block["Msg"])[: int(block["Len"]) // 8]).hex() == block["MD"]


@given(data=st.binary(max_size=1000))
def test_hashes_are_those_of_hashlib(data: bytes):
    assert (sha256(data), sha384(data), sha512(data)) == tuple(
        hashlib.new(name, data).digest() for name in ("sha256", "sha384", "sha512")
    )
