# SPDX-License-Identifier: Apache-2.0
"""The list of TR-03105-3.3's cases: each that carries over to the module has a test of its name, the others a reason."""

import ast
import re
from pathlib import Path

import pytest

# Short forms: H_2 is EAC2_ISO7816_H_2.  Editions 1.1 (2018), 1.2 (2020) and 1.4 (2023).
APPLICABLE = {
    "pace": "H_2 H_3 H_4d H_5d H_6d H_23 H_34 H_36",
    "agreement": "I_1 I_3 I_4 I_5 I_7 I_11 I_13 I_14 I_15 I_16",
    "pin": "P_1 P_2 P_4 P_7 P_8 P_8a P_9 P_11 P_15 P_18 P_20 P_21",
    "certificates": """
        J_1 J_2 J_3 J_5 J_6 J_7 J_9 J_12 J_13 J_15 J_16 J_17 J_19 J_22 J_23 J_24 J_25 J_26 J_28 J_30 J_31 J_33 J_34 J_36
        J_40 J_41 J_47 J_50 J_51 M_1 M_3 M_5
    """,
    "external_authentication": "K_1 K_2 K_3 K_5 K_6 K_7 K_9 K_10 K_16 L_10 L_11",
    "files": "L_13 DATA_A_1a T_3",
}

NOT_APPLICABLE = {
    "H_1 P_5 P_6 P_17": "there is no password CAN, and no password is suspended",
    "H_4a H_4b H_4c H_4e H_4f H_4g H_5a H_5b H_5c H_5e H_6a H_6b H_6c H_6e H_6f": "terminal types and CHAT: 7F4C is refused",
    "H_7-H_20 H_24-H_27 H_29-H_32": "withdrawn by the guideline itself",
    "H_21 H_22 H_28": "moved to unit P",
    "I_17": "keys of a single chip are for privileged terminals",
    "P_12 P_13": "for cards that forbid a new PIN by PUK; here it is allowed (P_11)",
    "P_19": "a PIN can not be deactivated, so 6283 is never answered to MSE",
    "J_11 J_42 J_44-J_46": "domestic and foreign document verifiers of EAC",
    "J_21 J_37 J_38 J_39": "CHAT in certificates, RSA keys, unknown objects in the key template of a card-verifiable certificate",
    "K_13-K_15": "that terminals authenticate once in a session is no rule here: a second EXTERNAL AUTHENTICATE is allowed",
    "L_1-L_8 L_14 L_17-L_45 M_6-M_14 O_1-O_10": "rights in CHAT and certificate extensions, several trust points, migration",
    "T_1 T_2 T_5": "ENVELOPE and GET RESPONSE are not in the profile: 6D00",
    "DATA_A_1b DATA_A_3-DATA_A_9": "data structures of identity cards",
}

# Whole units, by the first words of their names.
UNITS_NOT_APPLICABLE = {
    "N": "several trust points",
    "Q R U V W": "auxiliary data, restricted identification, comparison, chip authentication 3, initial external authentication",
    "DATA_B DATA_C EIDDATA": "data structures of identity cards",
}

CASE = r"(?:DATA_A|[A-Z])_\d+[a-z]?"


def expanded(text: str) -> list[str]:
    """ "H_7-H_9 I_1" as H_7, H_8, H_9, I_1."""
    cases = []
    for word in text.split():
        first, _, last = word.partition("-")
        unit, _, number = first.rpartition("_")
        cases += [f"{unit}_{n}" for n in range(int(number), int(last.rpartition("_")[2]) + 1)] if last else [first]
    return cases


def cases_with_tests(file: str) -> set[str]:
    """The cases that functions of a file are named by."""
    tree = ast.parse((Path(__file__).parent / f"test_tr03105_{file}.py").read_text(encoding="utf-8"))
    names = (node.name for node in tree.body if isinstance(node, ast.FunctionDef))
    return {case for name in names for case in re.findall(rf"(?:^test_|_and_)({CASE})(?=_|$)", name)}


@pytest.mark.parametrize("unit", APPLICABLE)
def test_every_applicable_case_has_a_test(unit: str) -> None:
    assert cases_with_tests(unit) == set(expanded(APPLICABLE[unit]))


def test_no_case_is_listed_twice() -> None:
    listed = [case for texts in (APPLICABLE.values(), NOT_APPLICABLE) for text in texts for case in expanded(text)]
    assert len(set(listed)) == len(listed)
    assert all(re.fullmatch(CASE, case) for case in listed)
    units = [unit for text in UNITS_NOT_APPLICABLE for unit in text.split()]
    assert not [case for case in listed if case.rpartition("_")[0] in units]
