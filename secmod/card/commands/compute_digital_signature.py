# SPDX-License-Identifier: Apache-2.0
"""PERFORM SECURITY OPERATION: COMPUTE DIGITAL SIGNATURE (ISO/IEC 7816-8 clause 5.4; ECDSA in plain format, TR-03111 5.2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secmod.apdu import INS, SW
from secmod.card.dispatch import Chaining, Data, command
from secmod.card.objects.private_key import Operation
from secmod.errors import CardError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState


@dataclass(frozen=True, slots=True)
class Hashes:
    """The lengths of a hash in bytes that are signed."""

    hash_lengths: tuple[int, ...]


@command(
    "compute_digital_signature",
    INS.PERFORM_SECURITY_OPERATION,
    p1=0x9E,
    p2=0x9A,
    data=Data.REQUIRED,
    chaining=Chaining.JOINED,
    parameters=Hashes,
)
def compute_digital_signature(apdu: CommandApdu, card: CardState, hashes: Hashes) -> bytes:
    """r || s, 2L bytes, over the hash in the data field with the selected key; 6985 if none is selected."""
    selected = card.environment.signing
    if selected is None:
        raise CardError(SW.CONDITIONS, "no signing key is selected")
    secret = selected.key.open(Operation.SIGN, card.security_status).secret
    if secret is None:
        raise CardError(SW.EXECUTION_ERROR, f"{selected.key.name} is empty")
    length = len(apdu.data)
    if length not in hashes.hash_lengths or length != (selected.hash_length or length):
        raise CardError(SW.WRONG_DATA, f"a hash of {length} bytes does not fit the algorithm")
    apdu.check_ne(secret.curve.signature_bytes)
    return secret.sign(apdu.data)
