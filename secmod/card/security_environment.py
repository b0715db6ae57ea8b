# SPDX-License-Identifier: Apache-2.0
"""What MANAGE SECURITY ENVIRONMENT has selected (ISO/IEC 7816-4 clause 10.3.3): one value for each purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secmod.card.objects.password import Password
    from secmod.card.objects.private_key import PrivateKey
    from secmod.card.objects.public_key import PublicKey
    from secmod.pace import Suite
    from secmod.profile.model import Algorithm


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What PSO COMPUTE DIGITAL SIGNATURE uses; `hash_length` is in bytes, 0 if the algorithm leaves it open."""

    key: PrivateKey
    algorithm: Algorithm
    hash_length: int


@dataclass(frozen=True, slots=True)
class AgreementKey:
    """What GENERAL AUTHENTICATE agrees a key with."""

    key: PrivateKey
    algorithm: Algorithm


@dataclass(frozen=True, slots=True)
class PaceSelection:
    """The protocol and password of the next PACE run."""

    suite: Suite
    password: Password


@dataclass(slots=True)
class SecurityEnvironment:
    """The selections; they last until replaced, restored, the session ends, or the card is reset.

    `newest_key` is the private key selected last, `general` what GENERAL AUTHENTICATE is for: the newer of pace and agreement.
    """

    signing: SigningKey | None = None
    verifying: PublicKey | None = None
    authenticating: PublicKey | None = None
    agreement: AgreementKey | None = None
    pace: PaceSelection | None = None
    newest_key: PrivateKey | None = None
    general: AgreementKey | PaceSelection | None = None

    def select_signing(self, selected: SigningKey) -> None:
        """The key signs."""
        self.signing = selected
        self.newest_key = selected.key

    def select_agreement(self, selected: AgreementKey) -> None:
        """The key agrees, and GENERAL AUTHENTICATE is for it."""
        self.agreement = self.general = selected
        self.newest_key = selected.key

    def select_pace(self, selected: PaceSelection) -> None:
        """GENERAL AUTHENTICATE is for PACE with this password."""
        self.pace = self.general = selected

    def drop_pace(self) -> None:
        """A PACE run has ended: the next needs a selection of its own."""
        if self.general is self.pace:
            self.general = None
        self.pace = None

    def clear(self) -> None:
        """Nothing is selected."""
        self.__init__()  # type: ignore[misc]  # a dataclass: back to its defaults
