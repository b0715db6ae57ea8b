# SPDX-License-Identifier: Apache-2.0
"""Cards in the phase, and terminals with the kind of session, that a test needs."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from secmod.testing import new_card
from tests.card.authority import Chain
from tests.card.talk import CURVES, SUITES, Answer, Suite, Terminal, apdu, do
from tests.reference import tlv

TRANSPORT_PIN = "0000000000"
PIN, PUK = "1234567890", "1234567890123456"
OTHER_PIN = "9876543210"
SERIAL8 = bytes.fromhex("1092000000000001")  # the last eight bytes of EF.GDO's number
PASSWORD = {"T": (TRANSPORT_PIN, 3), "S": (PIN, 3), "U": (PUK, 4)}


def terminal(phase: str = "V", kind: str | None = "S", suite: Suite = SUITES[0]) -> Terminal:
    """A card in `phase`, and a session opened with the password for `kind`: T, S or U; None for no session."""
    opened = Terminal(new_card(phase=phase))
    if kind is not None:
        assert opened.pace(*PASSWORD[kind], suite=suite).sw == "9000"
    return opened


def select_verifier(talk: Terminal, reference: int) -> Answer:
    """MSE DST."""
    return talk.send(apdu("002281B6", do(0x83, bytes([reference]))))


def import_certificate(talk: Terminal, destination: int, certificate: bytes) -> Answer:
    """PSO VERIFY CERTIFICATE."""
    return talk.send(apdu("002A00BE", do(0xB6, do(0x83, bytes([destination]))) + certificate))


def verify(talk: Terminal, verifier: int, destination: int, certificate: bytes) -> str:
    """Both; the status word."""
    selected = select_verifier(talk, verifier)
    return import_certificate(talk, destination, certificate).sw if selected.sw == "9000" else selected.sw


def import_chain(talk: Terminal, chain: Chain) -> None:
    """Root, Sub-CA and the administrator's three keys: C0, C2, C4 to C6."""
    assert import_certificate(talk, 0xC0, chain.root_certificate).sw == "9000"
    assert verify(talk, 0xC0, 0xC2, chain.sub_certificate) == "9000"
    for reference, certificate in zip((0xC4, 0xC5, 0xC6), chain.administrator_certificates, strict=True):
        assert verify(talk, 0xC2, reference, certificate) == "9000"


def sign(key: ec.EllipticCurvePrivateKey, message: bytes) -> bytes:
    """r || s over the hash that goes with the curve."""
    size = (key.curve.key_size + 7) // 8
    kind = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}[size]
    r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(kind)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def authenticate(talk: Terminal, chain: Chain) -> list[Answer]:
    """The gateway administrator proves itself: MSE AT, GET CHALLENGE, EXTERNAL AUTHENTICATE."""
    answers = [talk.send("002281A4068301C5800100"), talk.send("0084000010")]
    return [*answers, talk.send(apdu("00820000", sign(chain.signing.key, SERIAL8 + answers[-1].data)))]


def administrated(phase: str = "O", chain: Chain | None = None) -> tuple[Terminal, Chain]:
    """A card with the administrator's keys in it, in `phase`, a session with the PIN, and the administrator proven in it."""
    chain = chain or Chain()
    talk = terminal("V")
    import_chain(talk, chain)
    enter(talk, phase)
    assert [answer.sw for answer in authenticate(talk, chain)] == ["9000"] * 3
    return talk, chain


def enter(talk: Terminal, phase: str) -> None:
    """The card is in `phase`, by no command; the session goes on."""
    talk.card._state.lifecycle.enter(phase)  # type: ignore[attr-defined]


def tries(talk: Terminal, reference: int = 3) -> str:
    """What VERIFY says about the counter, asked in plain."""
    return talk.plain(f"002000{reference:02X}").sw


def inventory(talk: Terminal) -> dict[int, tuple[int, bytes]]:
    """GET DATA DF22: reference → state and the first bytes of the point's hash."""
    answer = talk.send("00CADF22000000")
    assert answer.sw == "9000"
    entries = {}
    for tag, value in tlv.parse_all(answer.data) or []:
        assert tag == 0xE2
        inner = dict(tlv.parse_all(value) or [])
        entries[inner[0x84 if 0x84 in inner else 0x83][0]] = inner[0x8A][0], inner.get(0x04, b"")
    return entries


def fingerprint(point: bytes) -> bytes:
    """How the inventory shows a point."""
    return hashlib.sha256(point).digest()[:4]


def key_template(curve: str) -> bytes:
    """7F49 { 06 curve }."""
    return do(0x7F49, do(0x06, CURVES[curve].oid))
