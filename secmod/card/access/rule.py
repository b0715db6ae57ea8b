# SPDX-License-Identifier: Apache-2.0
"""Access rules as data (the model of gemSpec_COS: no matching entry means never)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secmod.profile import model


@dataclass(frozen=True, slots=True)
class Condition:
    """What must have been proven in the running session; `protected`: command and answer travel under secure messaging."""

    possible: bool
    protected: bool
    proofs: frozenset[str]


ALWAYS = Condition(possible=True, protected=False, proofs=frozenset())
NEVER = Condition(possible=False, protected=False, proofs=frozenset())

# Phase letter → condition; a missing phase means NEVER.
Rule: TypeAlias = "Mapping[str, Condition]"


def compile_rule(words: model.Rule) -> Rule:
    """A rule in the words of a profile ("always", "never", "S+G") as conditions."""
    return {phase: _condition(text) for phase, text in words.conditions.items()}


@lru_cache(maxsize=256)
def _condition(text: str) -> Condition:
    named = {"always": ALWAYS, "never": NEVER}
    return named.get(text) or Condition(possible=True, protected=True, proofs=frozenset(text.split("+")))
