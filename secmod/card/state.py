# SPDX-License-Identifier: Apache-2.0
"""What a command handler sees of the card."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.card.lifecycle import Event, LifeCycle
from secmod.card.objects.select import Selection
from secmod.card.objects.tree import ObjectTree
from secmod.card.security_environment import SecurityEnvironment
from secmod.card.security_status import SecurityStatus
from secmod.crypto import Vault

if TYPE_CHECKING:
    from secmod.profile import Profile


class CardState:
    """Objects, selections and what has been proven; everything here is forgotten on reset except the objects."""

    __slots__ = (
        "algorithms",
        "challenge",
        "environment",
        "lifecycle",
        "security_status",
        "selection",
        "tree",
        "vault",
    )

    def __init__(self, profile: Profile) -> None:
        self.algorithms = tuple(profile.algorithms.values())
        self.vault = Vault()
        self.security_status = SecurityStatus(profile.initial_phase)
        self.lifecycle = LifeCycle(profile.phases, profile.initial_phase, self.security_status)
        self.tree = ObjectTree(profile, self.lifecycle)
        self.selection = Selection(self.tree.mf)
        self.environment = SecurityEnvironment()
        self.challenge: bytes | None = None
        self.lifecycle.subscribe(self._on_event)

    def _on_event(self, event: Event) -> None:
        if event is Event.PHASE:
            return
        self.selection.select(self.tree.mf)
        self.environment.clear()
        self.challenge = None
        self.tree.wipe_volatile()
