# SPDX-License-Identifier: Apache-2.0
"""What has been proven since the last reset (ISO/IEC 7816-4 clause 9.2)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class SecurityStatus:
    """The facts that access rules look at.

    `phase` is the letter of the module's phase, kept by the life cycle; `proofs` are the letters proven in the running
    session; `protected` says that the command at hand came under secure messaging and its answer will.
    """

    phase: str
    proofs: set[str] = field(default_factory=set)
    protected: bool = False

    def forget(self) -> None:
        """Nothing is proven any more; the phase stays."""
        self.proofs.clear()
        self.protected = False
