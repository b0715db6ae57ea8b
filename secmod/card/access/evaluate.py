# SPDX-License-Identifier: Apache-2.0
"""The one place where a right is granted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.card.access.rule import ALWAYS, NEVER

if TYPE_CHECKING:
    from secmod.card.access.rule import Rule
    from secmod.card.security_status import SecurityStatus


def evaluate(rule: Rule, status: SecurityStatus) -> bool:
    """Whether `status` satisfies the rule's condition for its phase.  A pure function."""
    condition = rule.get(status.phase, NEVER)
    if condition is ALWAYS:
        return True
    return condition.possible and (status.protected or not condition.protected) and condition.proofs <= status.proofs
