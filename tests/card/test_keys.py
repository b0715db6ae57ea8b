# SPDX-License-Identifier: Apache-2.0
"""Key pairs, signatures and their verification through the APDU interface, checked by others."""

import hashlib
from collections.abc import Callable

import ecdsa
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from secmod.card import Card

Say = Callable[[str], str]

OIDS = {
    "brainpoolP256r1": "06092B2403030208010107",
    "brainpoolP384r1": "06092B240303020801010B",
    "brainpoolP512r1": "06092B240303020801010D",
    "secp256r1": "06082A8648CE3D030107",
    "secp384r1": "06052B81040022",
}
CURVES = {
    "brainpoolP256r1": (ec.BrainpoolP256R1(), ecdsa.BRAINPOOLP256r1),
    "brainpoolP384r1": (ec.BrainpoolP384R1(), ecdsa.BRAINPOOLP384r1),
    "brainpoolP512r1": (ec.BrainpoolP512R1(), ecdsa.BRAINPOOLP512r1),
    "secp256r1": (ec.SECP256R1(), ecdsa.NIST256p),
    "secp384r1": (ec.SECP384R1(), ecdsa.NIST384p),
}
ANY_CURVE = "87"  # PrK.HAN.TLS.A
WAN_TLS_A = "81"  # brainpoolP256r1


def generate(say: Say, reference: str, curve: str | None = None, p1: str = "C0") -> bytes:
    data = "" if curve is None else tlv("7F49", OIDS[curve])
    lc = "" if curve is None else f"{len(data) // 2:02X}"
    answer = say(f"0046{p1}{reference}{lc}{data}00")
    assert answer.endswith("9000"), answer
    inner = untlv(bytes.fromhex(answer[:-4]), b"\x7f\x49")
    return untlv(inner, b"\x86")


def untlv(data: bytes, tag: bytes) -> bytes:
    assert data.startswith(tag)
    length, rest = data[len(tag)], data[len(tag) + 1 :]
    if length == 0x81:
        length, rest = rest[0], rest[1:]
    assert len(rest) == length
    return rest


def tlv(tag: str, value: str) -> str:
    length = len(value) // 2
    return tag + (f"{length:02X}" if length < 0x80 else f"81{length:02X}") + value


def apdu(header: str, data: str) -> str:
    length = len(data) // 2
    return header + (f"{length:02X}" if length < 256 else f"00{length:04X}") + data


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("hash_name", ["sha256", "sha384", "sha512"])
def test_signatures_verify_elsewhere(say: Say, curve: str, hash_name: str) -> None:
    point = generate(say, ANY_CURVE, curve)
    message = b"meter reading 4711"
    digest = hashlib.new(hash_name, message).digest()
    assert say("002241B606840187800100") == "9000"
    answer = bytes.fromhex(say(f"002A9E9A{len(digest):02X}{digest.hex()}00"))
    assert answer[-2:] == b"\x90\x00"
    signature = answer[:-2]
    half = len(signature) // 2
    named, other = CURVES[curve]
    key = ec.EllipticCurvePublicKey.from_encoded_point(named, point)
    der = utils.encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
    key.verify(
        der, message, ec.ECDSA({"sha256": hashes.SHA256(), "sha384": hashes.SHA384(), "sha512": hashes.SHA512()}[hash_name])
    )
    verifier = ecdsa.VerifyingKey.from_string(point[1:], other)
    verifier.verify_digest(signature, digest, allow_truncate=True)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("form", ["9C", "7F49", "9A"])
def test_foreign_signatures_are_verified(say: Say, curve: str, form: str) -> None:
    named, _ = CURVES[curve]
    key = ec.generate_private_key(named)
    numbers = key.public_key().public_numbers()
    size = (named.key_size + 7) // 8
    point = (b"\x04" + numbers.x.to_bytes(size) + numbers.y.to_bytes(size)).hex().upper()
    digest = hashlib.sha256(b"hello").digest()
    r, s = utils.decode_dss_signature(key.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
    good = (r.to_bytes(size) + s.to_bytes(size)).hex()
    bad = (s.to_bytes(size) + r.to_bytes(size)).hex()
    holder = tlv("7F49", tlv("86", point))
    if form == "9C":
        holder = tlv("9C", holder)
    hash_tag = "9A" if form == "9A" else "90"

    def question(signature: str) -> str:
        return apdu("002A00A8", OIDS[curve] + tlv(hash_tag, digest.hex()) + holder + tlv("9E", signature))

    assert say(question(good)) == "9000"
    assert say(question(bad)) == "6A80"
    assert say(question(good[2:])) == "6A80"
    assert say(question(good + "00")) == "6A80"


def test_a_point_off_the_curve_is_refused_like_a_bad_signature(say: Say) -> None:
    point = "04" + "01" * 64
    digest = "00" * 32
    data = OIDS["brainpoolP256r1"] + tlv("90", digest) + tlv("7F49", tlv("86", point)) + tlv("9E", "01" * 64)
    assert say(apdu("002A00A8", data)) == "6A80"


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        ("", "6700"),
        ("90", "6A80"),
        (tlv("90", "00" * 32), "6A80"),
        (tlv("90", "00" * 32) + tlv("9E", "00" * 64), "6985"),  # no key at all
        (tlv("90", "00" * 32) + tlv("9A", "00" * 32) + tlv("9E", "00" * 64), "6A80"),
        (tlv("90", "00" * 32) + tlv("90", "00" * 32) + tlv("9E", "00" * 64), "6A80"),
        (tlv("90", "00" * 32) + tlv("9E", "00" * 64) + OIDS["secp256r1"], "6A80"),
        (tlv("90", "00" * 32) + tlv("9E", "00" * 64) + tlv("9C", "0101"), "6A80"),
        (OIDS["secp256r1"] + tlv("90", "00" * 32) + tlv("9E", "00" * 64) + tlv("9C", tlv("86", "04" + "00" * 64)), "6A80"),
        (tlv("06", "2A03") + tlv("90", "00" * 32) + tlv("9E", "00" * 64) + tlv("7F49", tlv("86", "0400")), "6A80"),
    ],
)
def test_malformed_questions(say: Say, data: str, answer: str) -> None:
    assert say(apdu("002A00A8", data) if data else "002A00A8") == answer


def test_a_long_question_may_come_in_a_chain(say: Say) -> None:
    point = generate(say, ANY_CURVE, "brainpoolP512r1").hex()
    digest = hashlib.sha512(b"chained").hexdigest()
    say("002241B606840187800100")
    signature = say(f"002A9E9A40{digest}00")[:-4]
    data = OIDS["brainpoolP512r1"] + tlv("90", digest) + tlv("9C", tlv("7F49", tlv("86", point))) + tlv("9E", signature)
    parts = [data[i : i + 200] for i in range(0, len(data), 200)]
    for part in parts[:-1]:
        assert say(apdu("102A00A8", part)) == "9000"
    assert say(apdu("002A00A8", parts[-1])) == "9000"


def test_a_chain_that_is_interrupted_starts_anew(say: Say) -> None:
    generate(say, WAN_TLS_A)
    say("002241B606840181800100")
    assert say("102A9E9A10" + "11" * 16) == "9000"
    assert say("00B0820002") == "5A0A9000"  # another command is executed
    assert say("002A9E9A10" + "11" * 16 + "00") == "6A80"  # what follows stands alone: 16 bytes are no hash
    assert say("102A9E9A10" + "11" * 16) == "9000"
    assert say("002A9E9A10" + "11" * 16 + "00").endswith("9000")


def test_chaining_is_not_for_every_command(say: Say) -> None:
    assert say("1046C08100") == "6884"
    assert say("10A4000C023F00") == "6884"
    assert say("1012000000") == "6884"


def test_generate_makes_reads_and_replaces(say: Say) -> None:
    assert say("0046818100") == "6400"  # nothing there yet
    first = generate(say, WAN_TLS_A, p1="80")
    assert generate(say, WAN_TLS_A, p1="81") == first
    assert say("0046808100") == "6985"
    assert say("00468481") == "6985"
    assert generate(say, WAN_TLS_A, p1="81") == first
    second = generate(say, WAN_TLS_A)
    assert second != first
    assert say("0046C481") == "9000"  # silent
    assert generate(say, WAN_TLS_A, p1="81") not in (first, second)


def test_generate_without_le_answers_nothing(say: Say) -> None:
    assert say("00468081") == "9000"
    assert say("0046818100") != "6400"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("0046828100", "6A86"),
        ("0046C07F00", "6A88"),
        ("0046C0C000", "6A88"),  # a public key's reference
        ("0046C00000", "6985"),  # none selected
        ("0046C0810E7F490B06092B240303020801010B00", "6A80"),  # a fixed curve
        ("0046C0870E7F490B06092B240303020801011500", "6A80"),  # an unknown one
        ("0046C087037F490000", "6A80"),
        ("0046C08704060201000" + "0", "6A80"),
        ("0046C0870F7F490C06092B240303020801010B0000", "6A80"),
        ("0046C08103" + "7F490100", "6A80"),
        ("0046C08110", "6C46"),
        ("8046C08100", "6E00"),
    ],
)
def test_refused_generation_changes_nothing(say: Say, command: str, answer: str) -> None:
    inventory = say("00CADF2200000000"[:10] + "0000")
    assert say(command) == answer
    assert say("00CADF2200000000"[:10] + "0000") == inventory


def test_generate_for_the_selected_key(say: Say) -> None:
    say("002241B606840183800100")
    answer = say("0046C00000")
    assert answer.endswith("9000")
    assert say("0046818300") == answer


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("002241B606840181800100", "9000"),
        ("002241B603840181", "9000"),  # the key's only algorithm
        ("002241B6" + "0F" + "840181" + "800A04007F00070101040103", "9000"),
        ("002241B603840185", "6A80"),  # several algorithms
        ("002241B606840185800100", "9000"),
        ("002241B60684018580010C", "6A81"),  # the algorithm agrees keys, it signs nothing
        ("002241B606840191800100", "6A81"),
        ("002241B606840181800199", "6A81"),
        ("002241B606840179800100", "6A88"),
        ("002241B6068401C0800100", "6A88"),
        ("002241B603800100", "6A80"),
        ("002241B60484028101", "6A80"),
        ("002241B606830181800100", "6A80"),
        ("002241B606840181840181", "6A80"),
        ("002241B609840181800100950180", "6A80"),
        ("002241B6", "6700"),
        ("002241B6028401", "6A80"),
        ("002281B6038301C0", "9000"),
        ("002281B606830" + "1C0800100", "9000"),
        ("002281B6068301C080010B", "6A81"),
        ("002281B603830181", "6A88"),
        ("002281B603840181", "6A80"),
        ("0022C1B603840181", "6A86"),
        ("002241B803840181", "6A86"),
        ("0022F301", "9000"),
        ("0022F302", "6A88"),
        ("0022F30101" + "00", "6700"),
    ],
)
def test_manage_security_environment(say: Say, command: str, answer: str) -> None:
    assert say(command) == answer


def test_signing_wants_a_selection_a_key_and_a_hash(say: Say) -> None:
    digest = "22" * 32
    assert say(f"002A9E9A20{digest}00") == "6985"
    say("002241B606840181800100")
    assert say(f"002A9E9A20{digest}00") == "6400"
    generate(say, WAN_TLS_A)
    assert len(say(f"002A9E9A20{digest}00")) == 2 * 64 + 4
    assert say(f"002A9E9A20{digest}") == "9000"
    assert say(f"002A9E9A20{digest}10") == "6C40"
    for length in (1, 20, 31, 33, 47, 49, 63, 65):
        assert say(f"002A9E9A{length:02X}{'22' * length}00") == "6A80"
    assert say("002A9E9A") == "6700"
    assert say("0022F301") == "9000"
    assert say(f"002A9E9A20{digest}00") == "6985"


def test_an_object_identifier_fixes_the_hash_length(say: Say) -> None:
    generate(say, WAN_TLS_A)
    assert say("002241B60F840181800A04007F00070101040104") == "9000"
    assert say("002A9E9A20" + "22" * 32 + "00") == "6A80"
    assert say("002A9E9A30" + "22" * 48 + "00").endswith("9000")


def test_reset_forgets_selections_and_volatile_keys_but_not_keys(say: Say, card: Card) -> None:
    kept = generate(say, WAN_TLS_A)
    generate(say, "91")
    say("002241B606840181800100")
    card.reset()
    assert say("002A9E9A20" + "22" * 32 + "00") == "6985"
    assert say("0046819100") == "6400"
    assert generate(say, WAN_TLS_A, p1="81") == kept


def test_secrets_live_and_die_with_their_places(say: Say, card: Card) -> None:
    vault = card._state.vault
    before = vault.live  # the password's transport value
    generate(say, WAN_TLS_A)
    generate(say, "91")
    assert vault.live == before + 2
    generate(say, WAN_TLS_A)
    assert vault.live == before + 2
    card.reset()
    assert vault.live == before + 1


def test_inventory(say: Say) -> None:
    point = generate(say, "88", "secp384r1")
    answer = bytes.fromhex(say("00CADF22000000"))
    assert answer[-2:] == b"\x90\x00"
    entry = bytes.fromhex("840188" + "8A0104" + OIDS["secp384r1"]) + b"\x04\x04" + hashlib.sha256(point).digest()[:4]
    assert b"\xe2" + bytes([len(entry)]) + entry in answer
    assert b"\xe2\x06\x84\x01\x81\x8a\x01\x00" in answer  # empty
    assert b"\xe2\x06\x83\x01\xc0\x8a\x01\x00" in answer
