# SPDX-License-Identifier: Apache-2.0
"""Project Wycheproof through the card's own interface, under secure messaging: ECDSA verification and key agreement.

Signatures in DER, and public keys in SubjectPublicKeyInfo, are read strictly by the test, as a gateway does before it asks its
module; what can not be read so counts as refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from secmod.card.lifecycle import KeyState
from secmod.crypto import by_name
from tests.card.sessions import terminal
from tests.card.talk import CURVES, Terminal, apdu, do, undo
from tests.crypto.der import DerError, plain_signature, public_point
from tests.crypto.vectors import VECTORS, wycheproof

ECDSA = sorted(path.name[len("wycheproof_") : -len("_test.json")] for path in VECTORS.glob("wycheproof_ecdsa_*.json"))
ECDH = sorted(path.name[len("wycheproof_") : -len("_test.json")] for path in VECTORS.glob("wycheproof_ecdh_*.json"))
EPH_1 = 0x91
LONGEST_POINT = 4000  # bytes; a command has 4096


def test_there_are_files_for_these_curves() -> None:
    ours = set(CURVES)
    assert {name.split("_")[1] for name in ECDSA} == {"brainpoolP256r1", "brainpoolP384r1", "secp256r1"} < ours
    assert {name.split("_")[1] for name in ECDH} == {"brainpoolP256r1", "secp256r1"} < ours


@pytest.fixture
def quiet(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """The dialogue of hundreds of vectors is left out."""
    yield
    capsys.readouterr()


def verifies(talk: Terminal, curve: str, point: bytes, digest: bytes, signature: bytes) -> bool:
    key = do(0x06, CURVES[curve].oid), do(0x9C, do(0x7F49, do(0x86, point)))
    answer = talk.send(apdu("002A00A8", key[0] + do(0x90, digest) + key[1] + do(0x9E, signature)))
    assert (answer.sw, answer.data) in (("9000", b""), ("6A80", b""))
    return answer.sw == "9000"


@pytest.mark.parametrize("name", ECDSA)
def test_signatures(name: str, quiet: None) -> None:
    talk = terminal("O")
    wrong, accepted, asked = [], 0, 0
    for group, test in wycheproof(name):
        curve = group["publicKey"]["curve"]
        assert curve in name
        point = bytes.fromhex(group["publicKey"]["uncompressed"])
        digest = hashlib.new(group["sha"].replace("-", "").lower(), bytes.fromhex(test["msg"])).digest()
        signature = bytes.fromhex(test["sig"])
        good = False
        try:
            plain = signature if name.endswith("p1363") else plain_signature(signature, CURVES[curve].size)
        except DerError:
            pass
        else:
            asked += 1
            good = verifies(talk, curve, point, digest, plain)
        accepted += good
        if good is not (test["result"] == "valid"):
            wrong.append((test["tcId"], test["comment"], test["result"]))
    assert wrong == []
    assert accepted > 150
    assert asked > accepted
    assert talk.alive


def put(talk: Terminal, curve: str, scalar: bytes) -> None:
    """The vector's private key in the place of an ephemeral one: the test's hook, for no command imports a key."""
    state: Any = talk.card._state  # type: ignore[attr-defined]
    secret = state.vault.import_key(by_name(curve), scalar)
    state.tree.private_keys[EPH_1]._content.replace(secret, KeyState.ACTIVE, state.security_status.phase)


def the_point(public: bytes, encoding: str, oid: bytes) -> bytes:
    point = public if encoding == "ecpoint" else public_point(public, oid)
    if len(point) > LONGEST_POINT:
        raise DerError("no command has room for it")
    return point


@pytest.mark.parametrize("algorithm", ["0B", "0C"], ids=["ecka-dh", "ecka-eg"])
@pytest.mark.parametrize("name", ECDH)
def test_agreement(name: str, algorithm: str, quiet: None) -> None:
    talk = terminal("O")
    assert talk.send(f"002241A606840191{'80'}01{algorithm}").sw == "9000"
    wrong, agreed, refused = [], 0, 0
    for group, test in wycheproof(name):
        curve = CURVES[group["curve"]]
        public = bytes.fromhex(test["public"])
        try:
            point = the_point(public, group["encoding"], curve.oid)
        except DerError:
            right = test["result"] != "valid"
        else:
            put(talk, curve.name, int(test["private"], 16).to_bytes(curve.size, "big"))
            answer = talk.send(apdu("00860000", do(0x7C, do(0x85, point)), 256))
            if answer.sw == "9000":
                agreed += 1
                right = test["result"] != "invalid" and undo(undo(answer.data, 0x7C), 0x86).hex() == test["shared"]
            else:
                assert (answer.sw, answer.data) == ("6A80", b"")
                refused += 1
                right = test["result"] != "valid"
        if not right:
            wrong.append((test["tcId"], test["comment"], test["result"]))
    assert wrong == []
    assert agreed >= 300
    assert refused >= 15
    assert talk.alive
