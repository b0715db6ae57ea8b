# SPDX-License-Identifier: Apache-2.0
"""What a command makes a chip compute, and on which curve: for who wants to know how long a chip would take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from secmod.apdu import INS
from secmod.apdu.ins import ins_title
from secmod.card.security_environment import AgreementKey

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState
    from secmod.crypto import Curve

_READ_PUBLIC: Final = 0x81  # P1 of GENERATE ASYMMETRIC KEY PAIR
_SIGN: Final = 0x9E  # P1 of PERFORM SECURITY OPERATION
_PACE_STEPS: Final = {0x81: "pace_map", 0x83: "pace_key", 0x85: "pace_token"}


def work_of(apdu: CommandApdu, state: CardState) -> tuple[str, Curve | None]:
    """Before a command is executed: the name of its work, and the curve where there is one.

    `sign`, `verify`, `generate`, `agree`, `pace_nonce`, `pace_map`, `pace_key`, `pace_token`, `read_public_key`, or the name of
    the instruction (`select`, `get_challenge`, `external_authenticate` …).
    """
    environment = state.environment
    if apdu.ins == INS.PERFORM_SECURITY_OPERATION:
        if apdu.p1 == _SIGN:
            return "sign", None if environment.signing is None else environment.signing.key.summary()[1]
        return "verify", None if environment.verifying is None else environment.verifying.summary()[0]
    if apdu.ins == INS.GENERATE_ASYMMETRIC_KEY_PAIR:
        return "read_public_key" if apdu.p1 == _READ_PUBLIC else "generate", _generated(apdu, state)
    if apdu.ins == INS.GENERAL_AUTHENTICATE:
        return _authentication(apdu, state)
    if apdu.ins == INS.EXTERNAL_AUTHENTICATE:
        return "external_authenticate", None if environment.authenticating is None else environment.authenticating.summary()[0]
    return ins_title(apdu.ins).removesuffix(" (BER-TLV)").lower().replace(" ", "_"), None


def _generated(apdu: CommandApdu, state: CardState) -> Curve | None:
    key = state.tree.private_keys.get(apdu.p2) if apdu.p2 else state.environment.newest_key
    if key is None:
        return None
    return key.curve or key.summary()[1] or key.default_curve


def _authentication(apdu: CommandApdu, state: CardState) -> tuple[str, Curve | None]:
    general = state.environment.general
    if state.pace is None and isinstance(general, AgreementKey):
        return "agree", general.key.summary()[1]
    suite = state.pace.suite if state.pace is not None else state.environment.pace and state.environment.pace.suite
    step = apdu.data[2] if len(apdu.data) > 2 else 0  # 7C length tag
    return _PACE_STEPS.get(step, "pace_nonce"), suite.curve if suite else None


__all__ = ["work_of"]
