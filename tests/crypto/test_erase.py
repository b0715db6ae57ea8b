# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from secmod.crypto import Vault, erase


@pytest.mark.parametrize("length", [2, 3, 16, 4096])
def test_the_bytes_are_zero_for_everybody_who_holds_them(length: int) -> None:
    secret = b"".join([b"4711" * length])[:length]
    also = memoryview(secret)
    erase(secret)
    assert secret == bytes(length)
    assert also == bytes(length)


@pytest.mark.parametrize("shared", [b"", b"4"])
def test_what_belongs_to_the_interpreter_stays(shared: bytes) -> None:
    erase(shared)
    assert shared == bytes(shared)
    assert bytes([0x34]) == b"4"


def test_passwords_are_taken_from_a_part_of_something_longer() -> None:
    data = memoryview(b"47110815001234567890")
    with Vault() as vault:
        password = vault.password(data[10:])
        assert password.matches(b"1234567890")
        assert password.matches(data[10:])
        assert not password.matches(data[:10])
