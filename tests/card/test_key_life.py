# SPDX-License-Identifier: Apache-2.0
"""ACTIVATE, DEACTIVATE, TERMINATE, DELETE: the life of keys, and what never lives otherwise: files and passwords."""

from collections.abc import Callable, Iterator

import pytest

from secmod.card import Card
from secmod.card.lifecycle import KEY_STEPS, KeyEvent, KeyState
from secmod.crypto import by_name
from tests.card.pki import point_of, root
from tests.card.module import Module

Say = Callable[[str], str]

INSTRUCTIONS = {KeyEvent.ACTIVATE: "44", KeyEvent.DEACTIVATE: "04", KeyEvent.TERMINATE: "E8", KeyEvent.DELETE: "E4"}
WAN_TLS, WAN_ENC, LMN, EPHEMERAL = "81", "85", "89", "91"


@pytest.fixture
def module() -> Module:
    """Phase P, gateway and administrator: whoever may anything with keys."""
    module = Module("P")
    module.proofs.add("G")
    return module


def state_of(card: Card, reference: str) -> KeyState:
    return card._state.tree.private_keys[int(reference, 16)].summary()[0]


def bring(card: Card, reference: str, state: KeyState) -> None:
    """The key is in the state, by whatever way."""
    key = card._state.tree.private_keys[int(reference, 16)]
    if state is KeyState.EMPTY:
        key.wipe()
    else:
        key._content.replace(card._state.vault.generate(key.default_curve), state, "V")


@pytest.mark.parametrize("reference", [WAN_TLS, WAN_ENC, LMN])
@pytest.mark.parametrize("event", KeyEvent)
@pytest.mark.parametrize("state", KeyState)
def test_every_step_from_every_state(module: Module, reference: str, event: KeyEvent, state: KeyState) -> None:
    bring(module.card, reference, state)
    answer = module.say(f"00{INSTRUCTIONS[event]}20{reference}")
    following = KEY_STEPS.get((state, event))
    if event is KeyEvent.DELETE and state is KeyState.ACTIVE:
        assert answer == "6985"  # its rule does not name the state
        following = None
    else:
        assert answer == ("6400" if following is None else "9000")
    assert state_of(module.card, reference) is (state if following is None else following)


def test_the_table_in_words() -> None:
    """ISO/IEC 7816-9: active and deactivated change into each other, termination is for good, and only deletion leaves it."""
    for state in KeyState:
        assert KEY_STEPS[state, KeyEvent.DELETE] is KeyState.EMPTY
    for event in (KeyEvent.ACTIVATE, KeyEvent.DEACTIVATE):
        assert (KeyState.TERMINATED, event) not in KEY_STEPS
    assert not [event for event in KeyEvent if event is not KeyEvent.DELETE and (KeyState.EMPTY, event) in KEY_STEPS]
    assert {following for (_, event), following in KEY_STEPS.items() if event is KeyEvent.ACTIVATE} == {KeyState.ACTIVE}


def test_what_the_states_mean(module: Module) -> None:
    digest = "33" * 32
    assert module.say("0046808100")[-4:] == "9000"
    module.say("002241B606840181800100")
    signed = f"002A9E9A20{digest}00"
    assert module.say(signed)[-4:] == "9000"  # deactivated: for the request, with the administrator
    module.proofs.discard("G")
    assert module.say(signed) == "6982"
    module.proofs.add("G")
    assert module.say("00442081") == "9000"
    module.proofs.discard("G")
    assert module.say(signed)[-4:] == "9000"
    module.proofs.add("G")
    assert module.say("0046C08100") == "6985"  # an active key is not replaced
    assert module.say("00E82081") == "9000"
    assert module.say(signed) == "6984"
    assert module.say("0046818100")[-4:] == "9000"
    assert module.say("00E42081") == "9000"
    assert module.say(signed) == "6400"
    assert module.say("0046818100") == "6400"


def test_secrets_are_wiped(module: Module) -> None:
    vault = module.card._state.vault
    before = vault.live
    module.say("0046848100"[:8])
    module.say("0046849100"[:8])
    assert vault.live == before + 2
    assert module.say("00E42081") == "9000"
    assert module.say("00E42091") == "9000"
    assert vault.live == before
    assert module.say("00E42081") == "9000"  # nothing there any more


@pytest.mark.parametrize("instruction", ["44", "04", "E8"])
def test_ephemeral_keys_have_no_life_to_speak_of(module: Module, say: Say, instruction: str) -> None:
    assert module.say("0046C09100")[-4:] == "9000"
    assert module.say(f"00{instruction}2091") == "6982"
    assert say("0046C09100")[-4:] == "9000"
    assert say(f"00{instruction}2091") == "6981"  # where a profile would allow it
    assert say("00E42091") == "9000"


@pytest.mark.parametrize("instruction", INSTRUCTIONS.values())
@pytest.mark.parametrize(
    ("rest", "answer"),
    [
        ("2080", "6A88"),
        ("20C0", "6A88"),
        ("2000", "6A88"),
        ("20810100", "6700"),
        ("1003", "6982"),
        ("1004", "6982"),
        ("1005", "6A88"),
        ("0001", "6A86"),
        ("3081", "6A86"),
    ],
)
def test_answers(module: Module, instruction: str, rest: str, answer: str) -> None:
    assert module.say(f"00{instruction}{rest}") == answer


@pytest.mark.parametrize("instruction", INSTRUCTIONS.values())
@pytest.mark.parametrize("selected", ["3F00", "DF01", "DF01E00C"])
def test_files_stay_as_they_are(module: Module, instruction: str, selected: str) -> None:
    module.say("00A4000C" if selected == "3F00" else f"00A4080C{len(selected) // 2:02X}{selected}")
    no_file = instruction == "E8" and selected != "DF01E00C"
    assert module.say(f"00{instruction}0000") == ("6986" if no_file else "6982")
    assert module.say("00A4080004DF01E00C00")[-4:] == "9000"


@pytest.mark.parametrize("instruction", ["44", "04", "E8"])
def test_public_keys_are_only_deleted(module: Module, instruction: str) -> None:
    assert module.say(f"00{instruction}2100" + "03" + "8301C0") == "6A86"


# Key: phases in which the gateway alone may, and those in which it needs the administrator; for activate, terminate, delete.
RIGHTS = {
    WAN_TLS: (("V", "PO"), ("", "PO"), ("V", "PO")),
    WAN_ENC: (("V", "PO"), ("", "PO"), ("V", "PO")),
    "87": (("V", "PO"), ("", "PO"), ("V", "PO")),
    LMN: (("VPO", ""), ("VPO", ""), ("VPO", "")),
}


@pytest.mark.parametrize("phase", "IGVPO")
@pytest.mark.parametrize("reference", RIGHTS)
def test_who_may(phase: str, reference: str) -> None:
    activate, terminate, delete = RIGHTS[reference]
    steps = [(KeyEvent.ACTIVATE, activate), (KeyEvent.DEACTIVATE, activate), (KeyEvent.TERMINATE, terminate)]
    module = Module("V")
    module.enter(phase)
    for event, (alone, together) in [*steps, (KeyEvent.DELETE, delete)]:
        command = f"00{INSTRUCTIONS[event]}20{reference}"
        for administrator in (False, True):
            bring(module.card, reference, KeyState.DEACTIVATED)
            module.proofs.clear()
            module.proofs.update("SG" if administrator else "S")
            allowed = phase in (alone + together if administrator else alone)
            assert module.say(command) == ("9000" if allowed else "6982")
            assert module.plain(command) == "6982"
            module = Module("V")
            module.enter(phase)


# ---- public keys -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def with_root() -> Iterator[Module]:
    module = Module("V")
    key = module.card._state.tree.public_keys[0xC0]
    key._content.curve, key._content.point = by_name("brainpoolP384r1"), point_of(root())
    yield module
    module.card.power_off()


def test_a_public_key_is_deleted(with_root: Module) -> None:
    key = with_root.card._state.tree.public_keys[0xC0]
    assert key.present
    assert with_root.say("00E42100038301C0") == "9000"
    assert not key.present
    assert with_root.say("00E42100038301C0") == "9000"
    assert with_root.say("002281B6038301C0") == "9000"
    assert with_root.say("002A00A864" + "9020" + "00" * 32 + "9E40" + "00" * 64) == "6400"


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("00E4210003830181", "6A88"),
        ("00E42100038401C0", "6A80"),
        ("00E42100048302C0C0", "6A80"),
        ("00E42100028300", "6A80"),
        ("00E42100068301C08301C1", "6A80"),
        ("00E42100028301", "6A80"),
        ("00E42100", "6700"),
        ("00E421C0038301C0", "6A86"),
    ],
)
def test_malformed_deletion(with_root: Module, command: str, answer: str) -> None:
    assert with_root.say(command) == answer
    assert with_root.card._state.tree.public_keys[0xC0].present


@pytest.mark.parametrize("phase", "IGVPO")
@pytest.mark.parametrize(("reference", "temporary"), [("C0", False), ("C2", False), ("C5", False), ("C8", True)])
def test_who_may_delete_public_keys(phase: str, reference: str, temporary: bool) -> None:
    module = Module("V")
    module.enter(phase)
    command = f"00E42100038301{reference}"
    assert module.say(command) == ("9000" if phase == "V" or (temporary and phase in "PO") else "6982")
    module.proofs.add("G")
    assert module.say(command) == ("9000" if phase in "VPO" else "6982")
    assert module.plain(command) == "6982"


def test_whoever_has_authenticated_may_delete_his_own_key(module: Module) -> None:
    """Else nobody could import its successor."""
    assert module.say("00E42100038301C5") == "9000"
    assert module.proofs == {"S", "G"}
