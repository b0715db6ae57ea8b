# SPDX-License-Identifier: Apache-2.0
"""The engine knows no identifier: a card with other names, numbers and rules runs without a change of code."""

import hashlib
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from secmod.card import Card
from secmod.emulator import build_card

PROFILE = """
[profile]
name = "other"
version = "1"

[transport]
protocol = "T0"
max_command = 300
max_response = 256
extended_length = false
atr = {{ T0 = "3B00" }}

[phases]
initial = "only"
list = {{ only = {{ code = 0x77, name = "THE ONLY ONE" }} }}

[rule]
open = {{ only = "always" }}
shut = {{ only = "never" }}

[key_rules.all]
generate = {{ states = ["empty"], access = "open" }}
read_public = {{ access = "open" }}
sign_active = {{ access = "open" }}

[command.select]
[command.read_binary]
[command.get_data]
[command.manage_security_environment]
environments = [1, 2]
[command.compute_digital_signature]
hash_lengths = [32]
[command.verify_digital_signature]
hash_lengths = [32]
[command.generate_asymmetric_key_pair]
[command.self_test]
instruction = 0x10

[algorithm.plain]
use = "sign"
reference = 0x42
oids = {{}}

[[df]]
name = "ROOT"
fid = 0x3F00
aid = "A0 00 00 00 01"

[[df]]
name = "FIRST"
parent = "ROOT"
fid = 0x1111
aid = "A0 00 00 00 02"

[[df]]
name = "SECOND"
parent = "FIRST"
fid = 0x2222
aid = "A0 00 00 00 03"

[[file]]
path = "SECOND/NOTE"
fid = 0x0001
size = 4
content = "CAFE"
read = "open"

[[file]]
path = "SECOND/LOCKED"
fid = 0x0002
sfi = 7
size = 4
content = "DEAD"
read = "shut"

[[data_object]]
tag = 0x99
content = "phase"
read = "open"

[[private_key]]
name = "KEY"
reference = 0x05
curve = "secp384r1"
algorithms = ["plain"]
state_after_generate = "active"
rules = "all"

[[public_key]]
name = "FRIEND"
reference = 0x06
verify = "open"
curve = "brainpoolP384r1"
point = "{point}"
"""


def other_card(path: Path, point: bytes) -> Card:
    file = path / "other.toml"
    file.write_text(PROFILE.format(point=point.hex()))
    card = build_card(file)
    card.power_on()
    return card


def encoded(key: ec.EllipticCurvePrivateKey) -> bytes:
    numbers = key.public_key().public_numbers()
    return b"\x04" + numbers.x.to_bytes(48) + numbers.y.to_bytes(48)


def test_another_card(tmp_path: Path) -> None:
    friend = ec.generate_private_key(ec.BrainpoolP384R1())
    card = other_card(tmp_path, encoded(friend))

    def say(command: str) -> str:
        return card.transmit(bytes.fromhex(command)).hex().upper()

    assert (card.atr.hex(), card.protocol) == ("3b00", "T0")
    assert say("00A4080C0411112222") == "9000"
    assert say("00B0870000") == "6982"
    assert say("00A4020C020001") == "9000"
    assert say("00B0000000") == "CAFE9000"
    assert say("00A4080C06111122220001") == "9000"
    assert say("00CA009900") == "779000"
    assert say("00840000" + "10") == "6D00"  # not in the profile
    assert say("80100000") == "9000"
    assert say("80F80000") == "6D00"
    assert say("0022F302") == "9000"
    assert say("00B00000000000") == "6700"  # no extended length
    point = bytes.fromhex(say("0046800500"))[5:-2]
    assert say("0046C00500") == "6985"
    assert say("002241B606840105800142") == "9000"
    message = b"from another card"
    signature = bytes.fromhex(say("002A9E9A20" + hashlib.sha256(message).hexdigest() + "00"))[:-2]
    der = utils.encode_dss_signature(int.from_bytes(signature[:48]), int.from_bytes(signature[48:]))
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP384R1(), point).verify(der, message, ec.ECDSA(hashes.SHA256()))


def test_a_stored_public_key_verifies(tmp_path: Path) -> None:
    friend = ec.generate_private_key(ec.BrainpoolP384R1())
    card = other_card(tmp_path, encoded(friend))
    digest = hashlib.sha256(b"from a friend").digest()
    r, s = utils.decode_dss_signature(friend.sign(digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
    question = b"\x90\x20" + digest + b"\x9e\x60" + r.to_bytes(48) + s.to_bytes(48)
    command = b"\x00\x2a\x00\xa8" + bytes([len(question)]) + question
    assert card.transmit(command).hex() == "6985"
    assert card.transmit(bytes.fromhex("002281B603830106")).hex() == "9000"
    assert card.transmit(command).hex() == "9000"
    assert card.transmit(command[:-1] + bytes([command[-1] ^ 1])).hex() == "6a80"
