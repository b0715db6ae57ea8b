# SPDX-License-Identifier: Apache-2.0
"""The short form of `make secrets`, and what its needles and its scanner find."""

from __future__ import annotations

import base64
import os
import secrets

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from tests.campaigns import needles
from tests.campaigns.report import Report
from tests.campaigns.scan import Scanner
from tests.campaigns.secrets import campaign
from tests.card.talk import CURVES

CURVE = CURVES["brainpoolP256r1"]
SCALAR = 0xA9FB57DB_01234567_89ABCDEF_FEDCBA98_76543210_0F1E2D3C_4B5A6978_8796A5B4 % CURVE.n
BIG = SCALAR.to_bytes(32, "big")
MONTGOMERY = (SCALAR << 256) % CURVE.n


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("scalar, big-endian", BIG),
        ("scalar, little-endian", BIG[::-1]),
        ("Montgomery, little-endian", MONTGOMERY.to_bytes(32, "little")),
        ("hex, small", BIG.hex().encode()),
        ("hex, capital", BIG.hex().upper().encode()),
        ("hex with ' '", BIG.hex(" ").encode()),
        ("base64", base64.b64encode(BIG)),
        ("base64", base64.b64encode(b"x" + BIG)),
        ("base64", base64.b64encode(b"xy" + BIG)),
        ("decimal", str(SCALAR).encode()),
        ("scalar, big-endian", BIG[3:20]),
        ("words of 64 bits, first the highest", b"".join(BIG[at : at + 8][::-1] for at in range(0, 32, 8))),
    ],
)
@pytest.mark.parametrize("offset", [0, 1, 7])
def test_a_key_is_found_in_every_form(form: str, text: bytes, offset: int) -> None:
    scanner = Scanner(needles.private_key("the key", SCALAR, CURVE.n, 32))
    hits = list(scanner.in_bytes(bytes(offset) + text + b"...", "here"))
    assert form in {hit.needle.form for hit in hits}
    assert not list(scanner.in_bytes(secrets.token_bytes(1 << 20), "random bytes"))


PIN = b"4711081512345678"


@pytest.mark.parametrize(
    "text", [PIN, PIN[3:13], PIN.decode().encode("utf-16-le"), bytes.fromhex(PIN.decode()), PIN.hex().encode()]
)
def test_a_pin_is_found(text: bytes) -> None:
    assert list(Scanner(needles.password("PIN", PIN)).in_bytes(b"PIN=" + text, "here"))


@pytest.mark.parametrize("size", [16, 24, 32])
def test_an_expanded_key_is_found(size: int) -> None:
    """FIPS 197 A.1 to A.3: the last words of the expanded keys."""
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c" if size == 16 else
                        "8e73b0f7da0e6452c810f32b809079e562f8ead2522c6b7b" if size == 24 else
                        "603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4")  # fmt: skip
    last = {
        16: "d014f9a8c9ee2589e13f0cc8b6630ca6",
        24: "e98ba06f448c773c8ecc720401002202",
        32: "fe4890d1e6188d0b046df344706c631e",
    }[size]
    hits = list(Scanner(needles.aes_key("key", key)).in_bytes(bytes.fromhex(last), "here"))
    assert {hit.needle.form for hit in hits} == {"expanded key"}
    zero = Cipher(AES(key), ECB()).encryptor().update(bytes(16))  # noqa: S305
    assert not list(Scanner(needles.aes_key("key", key)).in_bytes(zero, "L itself is no subkey"))


def test_the_memory_of_a_process_is_read() -> None:
    planted = secrets.token_bytes(32)
    assert Scanner(needles.symmetric("planted", planted)).in_process(os.getpid())


def test_secrets_that_have_gone(capfd: pytest.CaptureFixture[str]) -> None:
    report = Report("short")
    campaign(report, long=False)
    assert not report.failures, [f"{row.what}: {row.value}" for row in report.rows]
