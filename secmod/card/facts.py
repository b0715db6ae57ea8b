# SPDX-License-Identifier: Apache-2.0
"""What can be told of a card to somebody who looks from outside its commands: a tester, a person.  No secret is among it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secmod.card.objects.tree import ObjectTree
    from secmod.card.state import CardState


def facts(state: CardState) -> dict[str, Any]:
    """Phase, alarm, session, clock and objects, of types that JSON has."""
    phase, status, now = state.lifecycle.phase, state.security_status, state.clock.now
    return {
        "phase": {"letter": phase.letter, "name": phase.name, "terminated": phase.terminated},
        "alarm": state.alarm,
        "session": None
        if state.session is None
        else {
            "opened_by": status.session,
            "proven": sorted(status.proofs),
            "seconds": round(time.monotonic() - state.session_began, 3),
        },
        "clock": None if now is None else now.isoformat(),
        **_objects(state.tree),
    }


def _objects(tree: ObjectTree) -> dict[str, list[dict[str, Any]]]:
    private_keys = []
    for key in tree.private_keys.values():
        key_state, curve, _ = key.summary()
        private_keys.append(_entry(key.name, key.reference, state=key_state.name.lower(), curve=curve and curve.name))
    public_keys = []
    for public_key in tree.public_keys.values():
        curve, point = public_key.summary()
        public_keys.append(_entry(public_key.name, public_key.reference, present=point is not None, curve=curve and curve.name))
    passwords = []
    for password in tree.passwords.values():
        password_state, tries = password.summary()
        passwords.append(_entry(password.name, password.reference, state=password_state.value, tries_left=tries))
    files = [_entry(file.name, file.fid, state=file.state.name.lower(), intact=file.intact) for file in tree.files]
    return {"private_keys": private_keys, "public_keys": public_keys, "passwords": passwords, "files": files}


def _entry(name: str, reference: int, **facts: Any) -> dict[str, Any]:
    return {"name": name, "reference": f"{reference:0{4 if reference > 0xFF else 2}X}", **facts}


__all__ = ["facts"]
