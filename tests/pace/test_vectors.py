# SPDX-License-Identifier: Apache-2.0
"""Traces of PACE: ICAO 9303-11, the BSI's worked example, own ones for each suite; both ends, and every value in between."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from secmod.apdu import CommandApdu, ResponseApdu, Tlv
from secmod.crypto import Vault
from secmod.crypto.handshake import Injection
from secmod.pace import SUITES, CardEnd, HostEnd, Suite
from secmod.securemessaging import Session
from tests.reference.pace import Twin, derive

VECTORS = Path(__file__).parents[1] / "vectors"
H = bytes.fromhex


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Trace:
    """What the sources say, under one name each; card and host in this order where there are two."""

    oid: str
    password: bytes
    password_key: str
    nonce: str
    z: str
    map_scalars: tuple[str, str]
    map_points: tuple[str, str]
    shared: str
    generator: str
    agree_scalars: tuple[str, str]
    agree_points: tuple[str, str]
    secret: str
    keys: tuple[str, str]
    token_inputs: tuple[str, str]
    tokens: tuple[str, str]

    @property
    def suite(self) -> Suite:
        return SUITES[H(self.oid)]


def nested(source: dict[str, Any], password: bytes) -> Trace:
    mapping, agreement = source["map"], source["key_agreement"]
    return Trace(
        source.get("protocol_oid_value_hex", "04007F00070202040202"),
        password,
        source["K_pi"],
        source["nonce_s"],
        source["encrypted_nonce_z"],
        (mapping["sk_ic"], mapping["sk_ifd"]),
        (mapping["pk_ic"], mapping["pk_ifd"]),
        mapping["shared_H"],
        mapping["G_hat"],
        (agreement["sk_ic"], agreement["sk_ifd"]),
        (agreement["pk_ic"], agreement["pk_ifd"]),
        agreement["shared_secret_x"],
        (source["KS_enc"], source["KS_mac"]),
        (source["token_input_ic"], source["token_input_ifd"]),
        (source["T_ic"], source["T_ifd"]),
    )


def of_gmrtd(source: dict[str, Any]) -> Trace:
    return Trace(
        source["oid_value"],
        H(source["K_seed"]),
        source["K_pi"],
        source["nonce_s"],
        source["encrypted_nonce_z"],
        (source["map_priv_picc"], source["map_priv_pcd"]),
        (source["map_pub_picc"], source["map_pub_pcd"]),
        source["shared_point_H"],
        source["mapped_generator"],
        (source["eph_priv_picc"], source["eph_priv_pcd"]),
        (source["eph_pub_picc"], source["eph_pub_pcd"]),
        source["shared_secret_K"],
        (source["KSenc"], source["KSmac"]),
        (source["token_input_picc"], source["token_input_pcd"]),
        (source["T_picc"], source["T_pcd"]),
    )


def own(source: dict[str, Any]) -> Trace:
    return Trace(
        source["oid_value"],
        source["pin_ascii"].encode("ascii"),
        source["K_pi"],
        source["nonce_s"],
        source["z"],
        (source["sk_map_ic"], source["sk_map_ifd"]),
        (source["pk_map_ic"], source["pk_map_ifd"]),
        source["H"],
        source["G_hat"],
        (source["sk_ka_ic"], source["sk_ka_ifd"]),
        (source["pk_ka_ic"], source["pk_ka_ifd"]),
        source["shared_x"],
        (source["KS_enc"], source["KS_mac"]),
        (source["token_input_ic"], source["token_input_ifd"]),
        (source["T_ic"], source["T_ifd"]),
    )


ICAO, GMRTD, BSI = load("pace_icao9303.json"), load("pace_icao9303_g1_ecdh_gm.json"), load("pace_bsi_eac_example.json")
OWN = load("derived_module.json")["pace_pin"]
MRZ = hashlib.sha1(ICAO["password"]["mrz_information_with_check_digits"].encode("ascii"), usedforsecurity=False).digest()
TRACES = {
    "ICAO 9303-11 G.1": nested(ICAO, MRZ),
    "ICAO 9303-11 G.1, by gmrtd": of_gmrtd(GMRTD),
    "BSI EAC": nested(BSI, BSI["password"]["pin_ascii"].encode("ascii")),
    **{f"own, AES-{source['aes_bits']}": own(source) for source in OWN},
}


@pytest.fixture(params=TRACES)
def trace(request: pytest.FixtureRequest) -> Trace:
    return TRACES[request.param]


def ends(vault: Vault, trace: Trace) -> tuple[CardEnd, HostEnd]:
    password = vault.password(trace.password)
    card, host = CardEnd(vault, trace.suite, password), HostEnd(vault, trace.suite, password)
    card._handshake.inject(Injection.NONCE, H(trace.nonce))
    for end, map_scalar, agree_scalar in zip((card, host), trace.map_scalars, trace.agree_scalars, strict=True):
        end._handshake.inject(Injection.MAP, H(map_scalar))
        end._handshake.inject(Injection.AGREE, H(agree_scalar))
    return card, host


def test_both_ends(vault: Vault, trace: Trace):
    card, host = ends(vault, trace)
    assert card.nonce() == H(trace.z)
    assert host.nonce(H(trace.z)) == H(trace.map_points[1])
    assert card.map(H(trace.map_points[1])) == H(trace.map_points[0])
    assert host.map(H(trace.map_points[0])) == H(trace.agree_points[1])
    assert card.agree(H(trace.agree_points[1])) == H(trace.agree_points[0])
    assert host.agree(H(trace.agree_points[0])) == H(trace.tokens[1])
    token, card_session = card.finish(H(trace.tokens[1]), lambda: None)
    assert token == H(trace.tokens[0])
    host_session = host.finish(token)
    assert vault.live == 2
    known = [Session(vault.session_keys(*map(H, trace.keys))) for _ in range(2)]
    command = CommandApdu(0x00, 0x88, 0, 0, b"data", 256)
    protected = known[0].protect_command(command)
    assert host_session.protect_command(command) == protected
    assert (card_session.unprotect(protected), known[1].unprotect(protected)) == (command, command)
    response = b"more data\x90\x00"
    assert card_session.protect(response, odd=False) == known[1].protect(response, odd=False)


def test_the_twin_has_every_value(trace: Trace):
    scalars = [(int(a, 16), int(b, 16)) for a, b in zip(trace.map_scalars, trace.agree_scalars, strict=True)]
    card, host = (Twin(trace.suite.curve.name, trace.suite.oid, trace.suite.key_bytes, trace.password, *pair) for pair in scalars)
    assert card.password_key == H(trace.password_key)
    assert card.seal(H(trace.nonce)) == H(trace.z)
    host.open(H(trace.z))
    assert host.nonce == H(trace.nonce)
    for end, other, index in ((card, host, 0), (host, card, 1)):
        assert end.map_point == H(trace.map_points[index])
        end.map(other.map_point)
        assert end.curve.encode(end.shared) == H(trace.shared)
        assert end.curve.encode(end.generator) == H(trace.generator)
        assert end.agree_point == H(trace.agree_points[index])
    for end, other, index in ((card, host, 0), (host, card, 1)):
        end.agree(other.agree_point)
        assert end.secret == H(trace.secret)
        assert end.keys == tuple(map(H, trace.keys))
        assert end.token_input(end.other) == H(trace.token_inputs[index])
        assert end.token == H(trace.tokens[index])
        assert other.agree(end.agree_point) is None
        assert other.expected == end.token


# ---- the same as APDUs -----------------------------------------------------------------------------------------------------


def dialogues() -> dict[str, list[tuple[bytes, bytes]]]:
    return {
        "ICAO": [(H(line["command"]), H(line["response"])) for line in ICAO["apdus"] if "command" in line],
        "gmrtd": [(H(line["command"]), H(line["response"])) for line in GMRTD["apdus"]],
        **{f"AES-{source['aes_bits']}": [(H(line["c"]), H(line["r"])) for line in source["apdus"]] for source in OWN},
    }


TRACE_OF = {"ICAO": "ICAO 9303-11 G.1", "gmrtd": "ICAO 9303-11 G.1, by gmrtd"}


@pytest.mark.parametrize("name", dialogues())
def test_values_from_the_apdus(vault: Vault, name: str):
    card, _ = ends(vault, TRACES[TRACE_OF.get(name, f"own, {name}")])

    def finish(token: bytes) -> bytes:
        return card.finish(token, lambda: None)[0]

    steps: list[Callable[[bytes], bytes]] = [lambda _: card.nonce(), card.map, card.agree, finish]
    lines = dialogues()[name]
    assert len(lines) == 5
    for number, ((command, response), step) in enumerate(zip(lines[1:], steps, strict=True)):
        inside = Tlv.parse(CommandApdu.parse(command).data).children
        value = inside[0].value if inside else b""
        answer = Tlv.of(0x7C, Tlv(0x80 + 2 * number, step(value)))
        assert ResponseApdu.parse(response).data == answer.encode()


# ---- key derivation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", load("tr03110_kdf.json")["cases"], ids=lambda case: f"{case['counter']}-{case['key_bits']}")
def test_key_derivation(vault: Vault, case: dict[str, Any]):
    key_bytes = case["key_bits"] // 8
    assert derive(H(case["secret"]), case["counter"], key_bytes) == H(case["key"])
    if case["counter"] == 3:
        suite = next(suite for suite in SUITES.values() if suite.key_bytes == key_bytes)
        card = CardEnd(vault, suite, vault.password(H(case["secret"])))
        card._handshake.inject(Injection.NONCE, bytes(range(16)))
        twin = Twin(suite.curve.name, suite.oid, key_bytes, H(case["secret"]))
        assert card.nonce() == twin.seal(bytes(range(16)))
