# SPDX-License-Identifier: Apache-2.0
"""Protected APDUs of the standards' examples and of other implementations, in both directions, and all values in between."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from secmod.apdu import CommandApdu, ResponseApdu
from secmod.crypto import Vault
from secmod.securemessaging import Session
from tests.reference.securemessaging import Twin, case, pad

VECTORS = Path(__file__).parents[1] / "vectors"
H = bytes.fromhex


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


GEMSPEC = load("sm_gemspec_cos.json")
AUSWEISAPP = load("sm_aes128_ausweisapp.json")
GMRTD = load("sm_aes256_gmrtd_efcom.json")
ICAO = load("pace_icao9303.json")
BSI = load("pace_bsi_eac_example.json")
OWN = load("derived_module.json")["secure_messaging"]


def session(vault: Vault, enc: str, mac: str, ssc: int = 0) -> Session:
    return Session(vault.session_keys(H(enc), H(mac), ssc.to_bytes(16, "big")))


def reframed(protected: bytes, like: bytes) -> bytes:
    """The same data field in the outer form of another command: sources differ in when they make it extended."""
    command = CommandApdu.parse(protected)
    outer = CommandApdu.parse(like)
    return command._replace(ne=outer.ne, extended=outer.extended).encode()


# ---- gemSpec_COS: each line is the first message of a session ---------------------------------------------------------------


@pytest.mark.parametrize("line", GEMSPEC["commands"], ids=lambda line: line["name"])
def test_commands_of_gemspec_are_opened(vault: Vault, line: dict[str, str]):
    card = session(vault, GEMSPEC["K_enc"], GEMSPEC["K_mac"])
    assert card.unprotect(H(line["protected"])).encode() == H(line["plain"])


# In the last line a plain Le of two bytes became one in 97; ours stays as it was.
@pytest.mark.parametrize("line", GEMSPEC["commands"][:-1], ids=lambda line: line["name"])
def test_commands_of_gemspec_are_made(vault: Vault, line: dict[str, str]):
    host = session(vault, GEMSPEC["K_enc"], GEMSPEC["K_mac"])
    made = host.protect_command(CommandApdu.parse(H(line["plain"])))
    assert reframed(made, H(line["protected"])) == H(line["protected"])
    twin = Twin(H(GEMSPEC["K_enc"]), H(GEMSPEC["K_mac"]))
    assert twin.protect_command(H(line["plain"])) == made
    body = CommandApdu.parse(made).data
    assert twin.command_mac_input(made[:4], body[:-10]) == H(line["mac_input"])
    assert body[-8:] == H(line["mac"])


@pytest.mark.parametrize("line", GEMSPEC["responses"], ids=lambda line: line["name"])
def test_responses_of_gemspec(vault: Vault, line: dict[str, str]):
    card, host = (session(vault, GEMSPEC["K_enc"], GEMSPEC["K_mac"]) for _ in range(2))
    assert card.protect(H(line["plain"]), odd=False) == H(line["protected"])
    assert host.unprotect_response(H(line["protected"]), odd=False) == ResponseApdu.parse(H(line["plain"]))
    twin = Twin(H(GEMSPEC["K_enc"]), H(GEMSPEC["K_mac"]))
    assert twin.protect_response(H(line["plain"]), odd=False) == H(line["protected"])
    assert twin.response_mac_input(H(line["protected"])[:-12]) == H(line["mac_input"])


# ---- AusweisApp, gmrtd -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", AUSWEISAPP["cases"], ids=lambda line: line["name"])
def test_commands_of_ausweisapp(vault: Vault, line: dict[str, Any]):
    card, host = (session(vault, AUSWEISAPP["KSenc"], AUSWEISAPP["KSmac"], line["ssc_used"] - 1) for _ in range(2))
    protected, plain = H(line["protected_command"]), H(line["plain_command"])
    assert card.unprotect(protected).encode() == plain
    assert reframed(host.protect_command(CommandApdu.parse(plain)), protected) == protected


def test_dialogue_of_gmrtd(vault: Vault):
    card, host = (session(vault, GMRTD["KSenc"], GMRTD["KSmac"], GMRTD["ssc_start"]) for _ in range(2))
    for line in GMRTD["exchanges"]:
        command = CommandApdu.parse(H(line["plain_command"]))
        assert host.protect_command(command) == H(line["protected_command"])
        assert card.unprotect(H(line["protected_command"])) == command
        assert card.protect(H(line["plain_response"]), odd=False) == H(line["protected_response"])
        assert host.unprotect_response(H(line["protected_response"]), odd=False).encode() == H(line["plain_response"])


# ---- after PACE of ICAO 9303 and of the BSI's example ----------------------------------------------------------------------


def test_first_command_after_pace_of_icao(vault: Vault):
    card, host = (session(vault, ICAO["KS_enc"], ICAO["KS_mac"]) for _ in range(2))
    line = ICAO["secure_messaging_after_pace"]
    assert host.protect_command(CommandApdu.parse(H(line["plain_command"]))) == H(line["protected_command"])
    assert card.unprotect(H(line["protected_command"])).encode() == H(line["plain_command"])
    assert card.protect(H(line["plain_response"]), odd=False) == H(line["protected_response"])
    twin = Twin(H(ICAO["KS_enc"]), H(ICAO["KS_mac"]), 1)
    assert (twin.counter(), twin.iv()) == (H(line["ssc_command"]), H(line["iv_command"]))
    assert pad(case(H(line["plain_command"])).data) == H(line["padded_plain"])
    assert twin.command_mac_input(H("0CA4040C"), H(line["protected_command"])[5:-11]) == H(line["mac_input_command"])
    twin.count()
    assert twin.response_mac_input(H(line["protected_response"])[:-12]) == H(line["mac_input_response"])


def test_first_exchange_of_the_bsi_example(vault: Vault):
    card, host = (session(vault, BSI["KS_enc"], BSI["KS_mac"]) for _ in range(2))
    line = BSI["first_protected_exchange"]
    command = CommandApdu.parse(H(line["plain_command"]))
    assert host.protect_command(command) == H(line["protected_command"])
    assert H(BSI["sm_primitives"][0]["cipher"]) in H(line["protected_command"])
    assert card.unprotect(H(line["protected_command"])) == command
    protected = card.protect(H("9000"), odd=False)
    assert protected == H(line["protected_response"])
    assert protected.endswith(H(BSI["sm_primitives"][1]["mac"]) + H("9000"))


# ---- own vectors: eight exchanges for each key length ----------------------------------------------------------------------


@pytest.mark.parametrize("name", OWN)
def test_own_dialogues(vault: Vault, name: str):
    card, host = (session(vault, OWN[name]["KS_enc"], OWN[name]["KS_mac"]) for _ in range(2))
    twin = Twin(H(OWN[name]["KS_enc"]), H(OWN[name]["KS_mac"]))
    cases = []
    for line in OWN[name]["exchanges"]:
        plain, protected = H(line["plain_command"]), H(line["protected_command"])
        command = CommandApdu.parse(plain)
        odd = command.ins % 2 == 1
        made = host.protect_command(command)
        assert reframed(made, protected) == protected, line["name"]
        assert card.unprotect(protected) == command
        answer = card.protect(H(line["plain_response"]), odd)
        assert answer == H(line["protected_response"]), line["name"]
        assert host.unprotect_response(answer, odd).encode() == H(line["plain_response"])
        cases.append(case(plain).case)

        assert reframed(twin.protect_command(plain), protected) == protected
        body = CommandApdu.parse(protected).data
        assert twin.counter() == H(line["cmd_ssc"])
        assert twin.command_mac_input(protected[:4], body[:-10]) == H(line["cmd_mac_input"])
        if line["cmd_iv"]:
            assert twin.iv() == H(line["cmd_iv"])
            assert pad(command.data) == H(line["cmd_padded_plain"])
        assert twin.protect_response(H(line["plain_response"]), odd) == answer
        assert (twin.counter(), answer[-10:-2]) == (H(line["rsp_ssc"]), H(line["rsp_mac"]))
        assert twin.response_mac_input(answer[:-12]) == H(line["rsp_mac_input"])
        assert not line["rsp_iv"] or twin.iv() == H(line["rsp_iv"])
    assert {"1", "2S", "2E", "3S", "3E", "4S"} <= set(cases)
