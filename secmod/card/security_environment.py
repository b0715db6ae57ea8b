# SPDX-License-Identifier: Apache-2.0
"""What MANAGE SECURITY ENVIRONMENT has selected (ISO/IEC 7816-4 clause 10.3.3): one value for each purpose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secmod.card.objects.private_key import PrivateKey
    from secmod.card.objects.public_key import PublicKey
    from secmod.profile.model import Algorithm


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What PSO COMPUTE DIGITAL SIGNATURE uses; `hash_length` is in bytes, 0 if the algorithm leaves it open."""

    key: PrivateKey
    algorithm: Algorithm
    hash_length: int


@dataclass(slots=True)
class SecurityEnvironment:
    """The selections; they last until replaced, restored, or the card is reset."""

    signing: SigningKey | None = None
    verifying: PublicKey | None = None

    def clear(self) -> None:
        """Nothing is selected."""
        self.signing = None
        self.verifying = None
