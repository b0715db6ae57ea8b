# SPDX-License-Identifier: Apache-2.0
"""The module's own profile refuses what needs PACE, and changes nothing thereby."""

import itertools

import pytest

from secmod.card import Card
from secmod.card.access import ALWAYS, NEVER, Condition, evaluate
from secmod.card.security_status import SecurityStatus

DIGEST = "33" * 32
PACE_INFOS = [("0202", "0D"), ("0203", "10"), ("0204", "11")]
CARD_ACCESS = "313C" + "".join(f"3012060A04007F0007020204{oid}0201020201{domain}" for oid, domain in PACE_INFOS)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        # allowed to everybody
        ("00A4040C09F05452303331303932", "9000"),
        ("00B09C0000", CARD_ACCESS + "9000"),
        ("00B0820000", "5A0AF00310920000000000019000"),
        ("00CADF2100", "019000"),
        ("002241B606840181800100", "9000"),
        ("0022F301", "9000"),
        ("80F80000", "9000"),
        # needs a session
        ("0084000010", "6982"),
        ("8084000010", "6982"),
        ("0046808100", "6982"),
        ("0046818100", "6982"),
        ("0046C09100", "6982"),
        ("00CADF2200", "6982"),
        ("002A00A864" + "9020" + "00" * 32 + "9E40" + "00" * 64, "6982"),
        # errors that come before the question of rights
        ("0046C07F00", "6A88"),
        ("002A00A80290", "6700"),
        ("002A00A80190", "6A80"),
        ("0084000101", "6A86"),
    ],
)
def test_plain_commands_in_phase_i(module: Card, command: str, answer: str) -> None:
    assert module.transmit(bytes.fromhex(command)).hex().upper() == answer


def test_signing_is_refused_before_the_key_is_looked_at(module: Card) -> None:
    module.transmit(bytes.fromhex("002241B606840181800100"))
    assert module.transmit(bytes.fromhex(f"002A9E9A20{DIGEST}00")).hex() == "6982"


@pytest.mark.parametrize("fid", range(0xE001, 0xE00D))
@pytest.mark.parametrize("phase", "IGVPO")
def test_files_of_the_application_are_closed(module: Card, fid: int, phase: str) -> None:
    module._state.lifecycle.enter(phase)
    assert module.transmit(bytes.fromhex(f"00A4080C04DF01{fid:04X}")).hex() == "9000"
    assert module.transmit(bytes.fromhex("00B0000000")).hex() == "6982"


def test_phase_x_keeps_the_version_file_alone(module: Card) -> None:
    module._state.lifecycle.enter("X")
    assert module.transmit(bytes.fromhex("00B0900000"))[-2:].hex() == "9000"
    assert module.transmit(bytes.fromhex("00B0820000")).hex() == "6d00"
    assert module.transmit(bytes.fromhex("80F80000")).hex() == "6d00"
    assert module.transmit(bytes.fromhex("00A40000023F0000"))[-5:].hex() == "8a010c6285"  # the MF shows its end


CONDITIONS = {
    "always": ALWAYS,
    "never": NEVER,
    "S": Condition(possible=True, protected=True, proofs=frozenset("S")),
    "S+G": Condition(possible=True, protected=True, proofs=frozenset("SG")),
}


@pytest.mark.parametrize(
    ("name", "proofs", "protected"),
    list(itertools.product(CONDITIONS, ["", "S", "G", "T", "SG", "TSUG"], [False, True])),
)
def test_evaluate_against_the_words(name: str, proofs: str, protected: bool) -> None:
    allowed = {
        "always": True,
        "never": False,
        "S": protected and "S" in proofs,
        "S+G": protected and "S" in proofs and "G" in proofs,
    }[name]
    status = SecurityStatus("P", set(proofs), protected=protected)
    assert evaluate({"P": CONDITIONS[name]}, status) is allowed
    assert evaluate({"O": CONDITIONS[name]}, status) is False  # no entry for the phase


def test_what_was_proven_is_forgotten(module: Card) -> None:
    status = module._state.security_status
    status.open_session("S")
    status.proofs.add("G")
    status.protected = True
    module._state.lifecycle.enter("V")
    assert status.proofs == {"S"}  # a session outlives a change of phase, a role does not
    module.reset()
    assert (status.proofs, status.session, status.protected, status.phase) == (set(), None, False, "V")
