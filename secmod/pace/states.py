# SPDX-License-Identifier: Apache-2.0
"""The order of a PACE run (BSI TR-03110-3 3.2, B.1), at both ends, as a table; no cryptography here."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class State(Enum):
    """How far a run has come."""

    SELECTED = "protocol and password are selected"
    NONCE = "the encrypted nonce is known"
    MAPPED = "both have the mapped generator"
    AGREED = "both have session keys, neither has proven it"
    DONE = "both have proven it"
    ENDED = "failed or aborted"


class Step(Enum):
    """What may be done next: one step of GENERAL AUTHENTICATE each."""

    NONCE = 1
    MAP = 2
    AGREE = 3
    FINISH = 4


NEXT: Mapping[tuple[State, Step], State] = MappingProxyType(
    {
        (State.SELECTED, Step.NONCE): State.NONCE,
        (State.NONCE, Step.MAP): State.MAPPED,
        (State.MAPPED, Step.AGREE): State.AGREED,
        (State.AGREED, Step.FINISH): State.DONE,
    }
)


def following(state: State, step: Step) -> State:
    """The state after a step; a pair that is not in the table ends the run."""
    return NEXT.get((state, step), State.ENDED)


__all__ = ["NEXT", "State", "Step", "following"]
