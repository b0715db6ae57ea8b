# SPDX-License-Identifier: Apache-2.0
"""EXTERNAL AUTHENTICATE: the gateway administrator proves who he is; case numbers (K, L) are those of TR-03105 part 3.3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import secmod
from secmod.apdu import CommandApdu
from secmod.emulator import build_card
from secmod.errors import ProfileError
from tests.card.module import Module
from tests.card.pki import Holder, date, issue, key, plain_signature, root, sub

ROOT = root()
SUB = sub(ROOT)
SIG = issue("Example.GWA", "SIG", SUB)
SERIAL = bytes.fromhex("1092000000000001")
SELECT_KEY = "002281A4068301C5800100"
FAILURES = 5


def prepare(module: Module, administrator: Holder = SIG) -> Module:
    """Root, Sub-CA and administrator are imported, EF.C.ROOT is current; phase O."""
    for verifier, destination, holder in ((None, 0xC0, ROOT), (0xC0, 0xC2, SUB), (0xC2, 0xC5, administrator)):
        if verifier is not None:
            assert module.say(f"002281B6038301{verifier:02X}") == "9000"
        import_ = CommandApdu(0, 0x2A, 0, 0xBE, bytes([0xB6, 3, 0x83, 1, destination]) + holder.certificate)
        assert module.send(import_) == b"\x90\x00"
    assert module.say("00A4080C04DF01E001") == "9000"
    module.enter("O")
    return module


@pytest.fixture
def module() -> Iterator[Module]:
    module = prepare(Module("V"))
    yield module
    module.card.power_off()


def challenge(module: Module) -> bytes:
    answer = bytes.fromhex(module.say("0084000010"))
    assert answer[-2:] == b"\x90\x00"
    return answer[:-2]


def answer(module: Module, signature: bytes) -> str:
    return module.send(CommandApdu(0, 0x82, 0, 0, signature)).hex().upper()


def right(random: bytes, holder: Holder = SIG) -> bytes:
    return plain_signature(holder, SERIAL + random)


def probe(module: Module) -> str:
    """What only gateway and administrator together may: write EF.C.ROOT."""
    return module.say("00D600000101")


def test_k_1(module: Module) -> None:
    assert probe(module) == "6982"
    assert module.say(SELECT_KEY) == "9000"
    assert answer(module, right(challenge(module))) == "9000"
    assert probe(module) == "9000"
    assert module.proofs == {"S", "G"}


@pytest.mark.parametrize("curve", ["brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "secp256r1", "secp384r1"])
def test_every_curve_with_its_hash(curve: str) -> None:
    holder = issue("Example.GWA", "SIG", SUB, curve=curve)
    module = prepare(Module("V"), holder)
    module.say(SELECT_KEY)
    assert answer(module, right(challenge(module), holder)) == "9000"
    assert probe(module) == "9000"


@pytest.mark.parametrize("phase", "IGVPO")
def test_who_may(module: Module, phase: str) -> None:
    module.say(SELECT_KEY)
    random = challenge(module)
    module.enter(phase)
    assert answer(module, right(random)) == ("9000" if phase in "VPO" else "6982")


def test_k_2_an_unknown_key(module: Module) -> None:
    assert module.say("002281A4068301D0800100") == "6A88"
    assert answer(module, right(challenge(module))) == "6985"
    assert probe(module) == "6982"


def test_k_3_in_plain(module: Module) -> None:
    module.say(SELECT_KEY)
    random = challenge(module)
    assert module.plain(CommandApdu(0, 0x82, 0, 0, right(random)).encode().hex()) == "6982"
    module.session = None
    module.pace()
    module.say("00A4080C04DF01E001")
    module.say(SELECT_KEY)
    assert answer(module, right(random)) == "6985"  # the challenge ended with its session
    assert probe(module) == "6982"


def test_k_5_a_key_that_authenticates_nobody(module: Module) -> None:
    assert module.say("002281A4068301C0800100") == "6A81"
    assert answer(module, right(challenge(module), ROOT)) == "6985"
    assert probe(module) == "6982"


def test_k_6_proprietary_class(module: Module) -> None:
    module.say(SELECT_KEY)
    random = challenge(module)
    assert module.send(CommandApdu(0x80, 0x82, 0, 0, right(random))).hex().upper() == "6E00"
    assert probe(module) == "6982"
    assert answer(module, right(random)) == "9000"  # the command was not tried


def test_k_7_the_older_challenge(module: Module) -> None:
    module.say(SELECT_KEY)
    first = challenge(module)
    challenge(module)
    assert answer(module, right(first)) == "6300"
    assert answer(module, right(first)) == "6985"
    assert probe(module) == "6982"


def test_k_9_no_challenge(module: Module) -> None:
    module.say(SELECT_KEY)
    assert answer(module, right(bytes(16))) == "6985"


def test_k_10_no_key(module: Module) -> None:
    random = challenge(module)
    assert answer(module, right(random)) == "6985"
    module.say(SELECT_KEY)
    assert answer(module, right(random)) == "6985"  # the challenge is gone all the same


def test_k_16_the_key_is_selected_after_the_challenge(module: Module) -> None:
    random = challenge(module)
    module.say(SELECT_KEY)
    assert answer(module, right(random)) == "9000"


def test_l_10_without_an_answer(module: Module) -> None:
    module.say(SELECT_KEY)
    challenge(module)
    assert probe(module) == "6982"


def test_l_11_a_wrong_answer(module: Module) -> None:
    module.say(SELECT_KEY)
    signature = right(challenge(module))
    assert answer(module, signature[:-1] + bytes([signature[-1] ^ 1])) == "6300"
    assert probe(module) == "6982"


def test_a_challenge_of_another_length_is_none(module: Module) -> None:
    module.say(SELECT_KEY)
    random = bytes.fromhex(module.say("0084000020"))[:-2]
    assert answer(module, right(random)) == "6985"


@pytest.mark.parametrize(
    "change",
    [
        lambda right: right[32:] + right[:32],
        lambda right: right[:32],
        lambda right: right + b"\x00",
        lambda right: b"\x00" + right[:32] + b"\x00" + right[32:],
        lambda right: bytes(32) + right[32:],
        lambda right: right[:32] + bytes(32),
        lambda _: b"\xff" * 64,
        lambda _: b"\x00",
        lambda _: bytes(300),
    ],
)
def test_other_signatures(module: Module, change: Callable[[bytes], bytes]) -> None:
    module.say(SELECT_KEY)
    assert answer(module, change(right(challenge(module)))) == "6300"
    assert probe(module) == "6982"


@pytest.mark.parametrize(
    "message",
    [
        lambda random: random,
        lambda random: random + SERIAL,
        lambda random: b"\xf0\x03" + SERIAL + random,
        lambda random: bytes(8) + random,
        lambda random: SERIAL + random + b"\x00",
    ],
)
def test_other_messages(module: Module, message: Callable[[bytes], bytes]) -> None:
    module.say(SELECT_KEY)
    random = challenge(module)
    assert answer(module, plain_signature(SIG, message(random))) == "6300"


@pytest.mark.parametrize(
    ("command", "result"),
    [("00820000", "6700"), ("0082000000", "6700"), ("0082010001FF", "6A86"), ("0082000101FF", "6A86"), ("1082000001FF", "6884")],
)
def test_forms(module: Module, command: str, result: str) -> None:
    assert module.say(command) == result


def test_the_fifth_wrong_answer_ends_the_session(module: Module) -> None:
    module.say(SELECT_KEY)
    for _ in range(FAILURES - 1):
        challenge(module)
        assert answer(module, bytes(64)) == "6300"
    assert answer(module, bytes(64)) == "6985"  # not counted: there was nothing to answer
    assert answer(module, right(challenge(module))) == "9000"  # a right one does not set the count back
    challenge(module)
    assert answer(module, bytes(64)) == "6983"  # protected, and the session's last word
    assert module.card._state.session is None
    assert not module.alive
    module.session = None
    module.pace()
    module.say("00A4080C04DF01E001")
    assert probe(module) == "6982"
    module.say(SELECT_KEY)
    challenge(module)
    assert answer(module, bytes(64)) == "6300"  # counted anew
    assert module.alive


def test_validity(module: Module) -> None:
    module.say(SELECT_KEY)
    module.card.clock.set(date(2036))
    assert answer(module, right(challenge(module))) == "6983"
    assert module.alive
    module.card.clock.set(date(2024))  # the chain has proven 2025
    assert answer(module, right(challenge(module))) == "9000"
    module.card.clock.set(date(2035))
    assert answer(module, right(challenge(module))) == "9000"
    assert module.card._state.failures == 0


def test_an_empty_place(module: Module) -> None:
    module.proofs.add("G")
    assert module.say("00E42100038301C5") == "9000"
    module.say(SELECT_KEY)
    assert answer(module, right(challenge(module))) == "6985"


# ---- how long it lasts -----------------------------------------------------------------------------------------------------


@pytest.fixture
def administered(module: Module) -> Module:
    module.say(SELECT_KEY)
    assert answer(module, right(challenge(module))) == "9000"
    return module


def test_until_the_session_ends(administered: Module) -> None:
    administered.plain("00A4000C")
    administered.session = None
    administered.pace()
    administered.say("00A4080C04DF01E001")
    assert probe(administered) == "6982"


def test_until_reset(administered: Module) -> None:
    administered.card.reset()
    administered.session = None
    administered.pace()
    administered.say("00A4080C04DF01E001")
    assert probe(administered) == "6982"


def test_until_the_environment_is_restored(administered: Module) -> None:
    assert administered.say("0022F301") == "9000"
    assert probe(administered) == "6982"


def test_until_the_phase_changes(administered: Module) -> None:
    assert administered.say("00DADF210104") == "9000"
    assert administered.say("00CADF2100") == "049000"
    assert probe(administered) == "6982"


def test_until_its_key_is_replaced(administered: Module) -> None:
    new = issue("New.GWA", "SIG", SUB)
    administered.say("002281B6038301C2")
    for destination, kind in ((0xC4, "TLS"), (0xC6, "ENC")):
        certificate = issue("New.GWA", kind, SUB).certificate
        import_ = CommandApdu(0, 0x2A, 0, 0xBE, bytes([0xB6, 3, 0x83, 1, destination]) + certificate)
        assert administered.send(import_) == b"\x90\x00"
    assert probe(administered) == "9000"
    bad = bytes([0xB6, 3, 0x83, 1, 0xC5]) + new.certificate[:-1] + bytes([new.certificate[-1] ^ 1])
    assert administered.send(CommandApdu(0, 0x2A, 0, 0xBE, bad)).hex() == "6a80"
    assert probe(administered) == "9000"
    good = bytes([0xB6, 3, 0x83, 1, 0xC5]) + new.certificate
    assert administered.send(CommandApdu(0, 0x2A, 0, 0xBE, good)) == b"\x90\x00"
    assert probe(administered) == "6982"
    assert answer(administered, right(challenge(administered))) == "6300"
    assert answer(administered, right(challenge(administered), new)) == "9000"
    assert probe(administered) == "9000"


def test_other_selections_and_failures_do_not_end_it(administered: Module) -> None:
    for command in ("002281B6038301C0", "00A40000", "00A4080C04DF01E001", SELECT_KEY):
        assert administered.say(command) == "9000"
    challenge(administered)
    assert answer(administered, bytes(64)) == "6300"
    assert probe(administered) == "9000"


# ---- any bytes, any profile ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shared() -> Module:
    module = prepare(Module("V"))
    module.say(SELECT_KEY)
    return module


@given(st.binary(min_size=1, max_size=200) | st.binary(min_size=64, max_size=64))
def test_any_bytes_are_wrong(shared: Module, data: bytes) -> None:
    challenge(shared)
    shared.card._state.failures = 0
    assert answer(shared, data) == "6300"
    assert shared.proofs == {"S"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('serial_file = "EF.GDO"', 'serial_file = "EF.GOD"', r"serial_file = 'EF.GOD' is not known; it can be 'EF.GDO'"),
        ('proves = "G"', 'proves = "H"', "proves = 'H' is not known"),
    ],
)
def test_parameters_are_checked(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = (Path(secmod.__file__).parent / "profiles" / "tr03109_2.toml").read_text()
    assert old in text
    file = tmp_path / "mine.toml"
    file.write_text(text.replace(old, new))
    with pytest.raises(ProfileError, match=message):
        build_card(file)


def test_another_challenge_and_serial(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    change = "challenge = 8\nserial = 4\nmax_failures = 1\n"
    file.write_text(f'extends = "tr03109_2"\n[command.external_authenticate]\n{change}[command.get_challenge]\nremembered = 8\n')
    module = prepare(Module("V", profile=file))
    module.say(SELECT_KEY)
    random = bytes.fromhex(module.say("0084000008"))[:-2]
    assert answer(module, plain_signature(SIG, SERIAL[-4:] + random)) == "9000"
    module.say("0084000008")
    assert answer(module, bytes(64)) == "6983"
    assert not module.alive


def test_a_challenge_that_was_kept_for_something_else(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('extends = "tr03109_2"\n[command.get_challenge]\nremembered = 20\n')
    module = prepare(Module("V", profile=file))
    module.say(SELECT_KEY)
    random = bytes.fromhex(module.say("0084000014"))[:-2]
    assert answer(module, right(random)) == "6985"


def test_the_open_profile_needs_no_session() -> None:
    card = build_card("open")
    card.power_on()
    holder = Holder(SIG.name, key("unknown"), b"")
    assert card.transmit(bytes.fromhex(SELECT_KEY)).hex() == "9000"
    random = card.transmit(bytes.fromhex("0084000010"))[:-2]
    assert card.transmit(CommandApdu(0, 0x82, 0, 0, right(random, holder)).encode()).hex() == "6985"
