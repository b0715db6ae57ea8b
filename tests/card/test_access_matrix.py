# SPDX-License-Identifier: Apache-2.0
"""The complete access matrix: command × object × phase × kind of session, each cell driven through a real session.

What is expected comes from the profile's TOML by a reader of its own, which shares nothing with the card's: a cell is refused
with 6982 (with 6D00 in a terminated module) and changes nothing, or it gets past the question of rights.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from secmod.testing import new_card
from tests.card.matrix import CHAIN, KINDS, PHASES, PROFILE, PROVEN, TERMINATED, Cell, cells, fill, imported, satisfied, works_in
from tests.card.sessions import PASSWORD, authenticate, enter
from tests.card.talk import Answer, Terminal

# ---- sessions ----------------------------------------------------------------------------------------------------------------


def opened(phase: str, kind: str) -> Terminal:
    """A card in `phase` with every public key in its place, and a session of this kind: by legal steps where there are some."""
    if kind == "T":  # the PIN is as delivered, which it never is after phase I
        talk = Terminal(new_card())
        assert talk.pace(*PASSWORD["T"]).sw == "9000"
        enter(talk, phase)
        fill(talk.card, imported())
        return talk
    legal = kind == "none" or phase in ("GVPO" if kind != "S+G" else "VPO")
    talk = Terminal(new_card(phase=phase if legal else "G"))
    fill(talk.card, imported())
    if kind == "none":
        return talk
    assert talk.pace(*PASSWORD[kind[0]]).sw == "9000"
    if not legal:
        enter(talk, phase)
    fill(talk.card, imported())
    if kind == "S+G":
        if legal:
            assert authenticate(talk, CHAIN)[-1].sw == "9000"
        else:
            proven(talk.card).add("G")
    return talk


def proven(card: Any) -> set[str]:
    return card._state.security_status.proofs


def is_as_opened(card: Any, phase: str, kind: str) -> bool:
    state = card._state
    return (
        state.security_status.phase == phase
        and state.security_status.proofs == (PROVEN[kind] or set())
        and ((state.session is not None) is (kind != "none"))
    )


def snapshot(card: Any) -> Any:
    """All that a refused command must leave alone."""
    state, tree = card._state, card._state.tree
    return (
        [(file.name, file._content.data, file.state) for file in tree.files],
        [(directory.name, directory.state) for directory in tree.directories],
        [(key.name, key.summary(), id(key._content.secret), key._content.made_in) for key in tree.private_keys.values()],
        [(key.name, key.summary()) for key in tree.public_keys.values()],
        [
            (entry.name, entry._content.state, entry._content.tries, id(entry._content.secret))
            for entry in tree.passwords.values()
        ],
        (state.security_status.phase, set(state.security_status.proofs), state.session, state.alarm, state.failures),
        state.clock.now,
        state.vault.live,
    )


def drive(talk: Terminal, cell: Cell, kind: str) -> Answer:
    send = talk.plain if kind == "none" else talk.attempt
    for command in cell.before:
        send(command)
    return send(cell.last)


def judge(talk: Terminal, cell: Cell, phase: str, kind: str) -> str | None:
    """What is wrong with this cell, or None."""
    card: Any = talk.card
    fill(card, imported())
    card._state.failures = 0
    cell.prepare(card)
    before = snapshot(card)
    answer = drive(talk, cell, kind)
    expected: tuple[str, ...] = cell.good
    allowed = works_in(cell.command, phase) and all(satisfied(rule, phase, kind) for rule in cell.rules)
    if not allowed:
        expected = ("6D00",) if phase == TERMINATED else ("6982",)
    if answer.sw not in expected:
        return f"{cell.name}: {answer.sw}, not {' or '.join(expected)}"
    if answer.protected is (kind == "none"):
        return f"{cell.name}: {answer.sw} protected: {answer.protected}"
    if (cell.harmless or not allowed) and snapshot(card) != before:
        return f"{cell.name}: {answer.sw}, but something has changed"
    return None


# ---- tests -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("phase", PHASES)
def test_every_cell(phase: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    wrong, driven = [], 0
    talk: Terminal | None = None
    for cell in cells():
        if kind not in cell.kinds:
            continue
        if talk is None or not is_as_opened(talk.card, phase, kind):
            talk = opened(phase, kind)
        driven += 1
        if (mistake := judge(talk, cell, phase, kind)) is not None:
            wrong.append(mistake)
    capsys.readouterr()  # the dialogue of thousands of cells helps nobody
    assert wrong == []
    assert driven > 1000


def test_no_command_and_no_object_is_forgotten() -> None:
    assert {cell.command for cell in cells()} == set(PROFILE["command"])
    names = " ".join(cell.name for cell in cells())
    objects = [entry["name"] for section in ("df", "password", "private_key", "public_key") for entry in PROFILE[section]]
    for name in (
        *objects,
        *(entry["path"] for entry in PROFILE["file"]),
        *(f"{entry['tag']:04X}" for entry in PROFILE["data_object"]),
    ):
        assert name in names


def test_both_answers_are_among_the_cells() -> None:
    """A rule that nobody meets, or that everybody meets, would prove nothing."""
    for cell in cells():
        if None in cell.rules or "deactivated" in cell.name or "WAN.ENC" in cell.name:
            continue
        answers = {
            works_in(cell.command, phase) and all(satisfied(rule, phase, kind) for rule in cell.rules)
            for phase in PHASES
            for kind in cell.kinds
        }
        assert True in answers, cell.name
        assert False in answers or "select" in cell.command or "TRVersion" in cell.name, cell.name


# ---- the profile against its facts sheet ---------------------------------------------------------------------------------------

# Sections B2 and B7, transcribed: the condition in phases I G V P O; A always, - never, + stands for S+G.
SHEET: dict[str, dict[str, str]] = {
    "command": {
        "select": "AAAAA",
        "manage_security_environment": "AAAAA",
        "get_challenge": "TSSSS",
        "get_random": "TSSSS",
        "external_authenticate": "--SSS",
        "verify_digital_signature": "--SSS",
        "verify_certificate": "--SSS",
        "terminate_card_usage": "TSS++",
        "self_test": "AAAAA",
    },
    "file read": {
        **dict.fromkeys(("EF.CardAccess", "EF.ATR", "EF.GDO", "EF.TRVersion"), "AAAAA"),
        **dict.fromkeys((f"EF.C.{name}" for name in ("ROOT", "SUBCA", "GWA.TLS", "GWA.SIG", "GWA.ENC")), "-SSSS"),
        **dict.fromkeys((f"EF.C.GW.{name}" for name in ("TLS", "SIG", "ENC", "HAN", "LMN")), "-SSSS"),
        **dict.fromkeys(("EF.GW.ID", "EF.DATA"), "-SSSS"),
    },
    "file update": {
        **dict.fromkeys((f"EF.C.{name}" for name in ("ROOT", "SUBCA", "GWA.TLS", "GWA.SIG", "GWA.ENC")), "--S++"),
        **dict.fromkeys((f"EF.C.GW.{name}" for name in ("TLS", "SIG", "ENC", "HAN")), "--S++"),
        "EF.C.GW.LMN": "-SSSS",
        "EF.GW.ID": "-SS--",
        "EF.DATA": "-SSSS",
    },
    "data_object read": {"DF21": "AAAAA", "DF22": "-SSSS"},
    "data_object write": {"DF21": "-SS++"},
    "password pace": {"PIN.GW": "AAAAA", "PUK.GW": "-AAAA"},
    "password change": {"PIN.GW": "TSS-+", "PUK.GW": "TS--+"},
    "password reset": {"PIN.GW": "-UUUU"},
    "password query": {"PIN.GW": "AAAAA", "PUK.GW": "AAAAA"},
    **{
        f"private_key {operation}": {
            name: wanted for name, wanted in zip(("sign", "enc", "lmn", "eph"), row, strict=True) if wanted
        }
        for operation, row in {
            "generate": ("--S++", "--S++", "--SSS", "--SSS"),
            "read_public": ("--SSS", "--SSS", "--SSS", "--SSS"),
            "activate": ("--S++", "--S++", "--SSS", ""),
            "deactivate": ("--S++", "--S++", "--SSS", ""),
            "terminate": ("---++", "---++", "--SSS", ""),
            "delete": ("--S++", "--S++", "--SSS", "--SSS"),
            "sign_active": ("--SSS", "", "--SSS", ""),
            "sign_deactivated": ("--S++", "--S++", "--SSS", ""),
            "agree_active": ("", "--SSS", "", "--SSS"),
        }.items()
    },
    "public_key import": {"ROOT": "--S++", "SUBCA": "--SS+", "GWA": "--S++", "TMP": "--SSS"},
    "public_key delete": {"ROOT": "--S++", "SUBCA": "--S++", "GWA": "--S++", "TMP": "--SSS"},
    "public_key verify": {"ROOT": "--SSS", "SUBCA": "--SSS", "GWA": "--SSS", "TMP": "--SSS"},
    "public_key external_authenticate": {"GWA.SIG": "--SSS"},
}
KEY_KINDS = {"WAN.TLS": "sign", "WAN.SIG": "sign", "HAN.TLS": "sign", "WAN.ENC": "enc", "LMN.TLS": "lmn", "EPH": "eph"}


def in_letters(rule: str | None) -> str:
    """A rule of the profile as the sheet writes it."""
    letters = {"always": "A", "never": "-", "S+G": "+"}
    conditions = PROFILE["rule"][rule] if rule is not None else {}
    return "".join(letters.get(word := conditions.get(phase, "never"), word) for phase in "IGVPO")


def stated() -> Iterator[tuple[str, str, str, str]]:
    """Section, name as in the sheet, object, and its rule in letters, for everything in the profile that has rules."""
    for name, entry in PROFILE["command"].items():
        if "access" in entry and name != "general_authenticate":  # whose rules are those of passwords and keys
            yield "command", name, name, in_letters(entry["access"])
    for section, operations in (
        ("file", ("read", "update")),
        ("data_object", ("read", "write")),
        ("password", ("pace", "change", "reset", "query")),
        ("public_key", ("import", "delete", "verify", "external_authenticate")),
    ):
        for entry in PROFILE[section]:
            own = entry.get("name") or entry.get("path", "").rpartition("/")[2] or f"{entry['tag']:04X}"
            for operation in operations:
                name = own.removeprefix("PuK.")
                if section == "public_key" and operation != "external_authenticate":
                    name = name.split(".")[0]
                yield f"{section} {operation}", name, own, in_letters(entry.get(operation))
    for entry in PROFILE["private_key"]:
        kind = KEY_KINDS[entry["name"].removeprefix("PrK.").rpartition(".")[0]]
        rules = PROFILE["key_rules"][entry["rules"]]
        for section in SHEET:
            if section.startswith("private_key "):
                yield section, kind, entry["name"], in_letters(rules.get(section.split()[1], {}).get("access"))


def test_the_profile_says_what_the_sheet_says() -> None:
    for section, name, own, letters in stated():
        assert (section, own, letters) == (section, own, SHEET[section].get(name, "-----"))


def test_the_sheet_has_no_row_more() -> None:
    seen = {(section, name) for section, name, _, _ in stated()}
    assert {(section, name) for section, rows in SHEET.items() for name in rows} <= seen


def test_what_stays_possible_at_the_end() -> None:
    assert [rule for rule, conditions in PROFILE["rule"].items() if TERMINATED in conditions] == ["public_for_ever"]
    assert PROFILE["phases"]["list"][TERMINATED]["commands"] == ["select", "read_binary"]
    assert [entry["path"] for entry in PROFILE["file"] if entry.get("read") == "public_for_ever"] == ["MF/EF.TRVersion"]
