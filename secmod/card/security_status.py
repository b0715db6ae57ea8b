# SPDX-License-Identifier: Apache-2.0
"""What has been proven since the last reset (ISO/IEC 7816-4 clause 9.2)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class SecurityStatus:
    """The facts that access rules look at.

    `phase` is the letter of the module's phase, kept by the life cycle; `proofs` are the letters proven in the running
    session, `session` the one that opened it; `protected` says that the command at hand came under secure messaging and its
    answer will.
    """

    phase: str
    proofs: set[str] = field(default_factory=set)
    session: str | None = None
    protected: bool = False

    def open_session(self, proof: str) -> None:
        """A session is open that proves this letter, and nothing else yet."""
        self.session = proof
        self.proofs = {proof}

    def forget_roles(self) -> None:
        """Only what opened the session remains proven."""
        self.proofs = set() if self.session is None else {self.session}

    def forget(self) -> None:
        """Nothing is proven any more; the phase stays."""
        self.proofs = set()
        self.session = None
        self.protected = False
