# SPDX-License-Identifier: Apache-2.0
"""What responses say, and those that say nothing of the kind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secmod import SecurityModule
from secmod.crypto import CURVES
from secmod.errors import TransportError, UnknownNameError
from secmod.host import KeyEntry, answers
from secmod.host.names import Names
from secmod.profile import load_profile
from secmod.profile.model import KEY_STATES

READERS: dict[str, Callable[[bytes], object]] = {
    "public key": lambda data: answers.public_key(data, None),
    "shared value": answers.shared_value,
    "step of PACE": lambda data: answers.pace_value(data, 0x80),
    "security information": answers.pace_protocols,
    "key inventory": lambda data: answers.inventory(data, lambda _: None),
}


@pytest.mark.parametrize("what", READERS)
@given(data=st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(what: str, data: bytes) -> None:
    try:
        READERS[what](data)
    except TransportError as error:
        assert str(error)  # noqa: PT017  (only that there is a sentence)


@pytest.mark.parametrize(
    ("what", "answer"),
    [
        ("public key", "7F49028600"),
        ("public key", "7F490486028600"),
        ("public key", "7C028600"),
        ("shared value", "7C00"),
        ("shared value", "7C0486008600"),
        ("step of PACE", "7C028200"),
        ("security information", "3000 3000"),
        ("security information", "3103 020101"),
        ("key inventory", "E203840181"),
        ("key inventory", "E2068401818A0102"),
        ("key inventory", "E2078402818A0105"),
        ("key inventory", "E106840181 8A0105"),
    ],
)
def test_bad_answers(what: str, answer: str) -> None:
    with pytest.raises(TransportError):
        READERS[what](bytes.fromhex(answer))


def test_a_shared_value_is_not_told() -> None:
    with pytest.raises(TransportError) as refused:
        answers.shared_value(bytes.fromhex("7C0487024711"))
    assert "4711" not in str(refused.value)


def test_inventory() -> None:
    answer = bytes.fromhex("E206840181 8A0100 E217 8301C0 8A0105 0609 2B2403030208010107 0404 01020304".replace(" ", ""))
    names = Names(load_profile("tr03109_2"))
    assert answers.inventory(answer, names.key_name) == (
        KeyEntry("PrK.WAN.TLS.A", 0x81, True, "empty", None, b""),
        KeyEntry("PuK.ROOT.A", 0xC0, False, "active", CURVES["brainpoolP256r1"], b"\x01\x02\x03\x04"),
    )


def test_inventory_of_a_card() -> None:
    with SecurityModule.open("local:open") as module:
        public = module.generate_key("PrK.HAN.TLS.A", "secp384r1")
        entries = module.inventory()
        assert {entry.state for entry in entries} <= set(KEY_STATES)
        (entry,) = (entry for entry in entries if entry.curve)
        assert (entry.name, entry.state, entry.curve, entry.private) == ("PrK.HAN.TLS.A", "deactivated", public.curve, True)


@pytest.mark.parametrize(
    "look",
    [
        lambda names: names.path("EF.NONE"),
        lambda names: names.private_key("PrK.NONE"),
        lambda names: names.public_key("PuK.NONE"),
        lambda names: names.password("PIN.NONE"),
        lambda names: names.algorithm("sign", None, "rsa"),
        lambda names: names.phase_code("Z"),
        lambda names: names.curve("P-256"),
    ],
)
def test_unknown_names(look: Callable[[Names], object]) -> None:
    with pytest.raises(UnknownNameError):
        look(Names(load_profile("tr03109_2")))


def test_names_and_numbers() -> None:
    names = Names(load_profile("tr03109_2"))
    assert names.private_key("PrK.WAN.ENC.B") == names.private_key(0x86) == (0x86, "brainpoolP256r1")
    assert names.private_key(0x7F) == (0x7F, None)
    assert names.public_key("PuK.GWA.SIG") == names.public_key(0xC5) == names.public_key(names.authenticating_key())
    assert names.password(None) == names.password("PIN.GW") == 3
    assert names.tries(3) == 10
    assert names.tries(9) is None
    assert names.algorithm("agree", "PrK.EPH.1") == 0x0B
    assert names.algorithm("agree", "PrK.WAN.ENC.A") == 0x0C
    assert names.algorithm("agree", 0x7F) == 0x0B
    assert names.algorithm("sign", "PrK.WAN.ENC.A") == 0x00
    assert names.phase_letter(0x0F) == "X"
    assert names.phase_letter(0x33) == "33"
