# SPDX-License-Identifier: Apache-2.0
"""EXTERNAL AUTHENTICATE (ISO/IEC 7816-4 clause 11.5.4): somebody shows by a signature over the card's challenge who he is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from secmod.apdu import INS, SW
from secmod.card.dispatch import Data, FileName, Proof, command
from secmod.card.objects.file import Mode
from secmod.card.objects.public_key import Use
from secmod.crypto import sha256, sha384, sha512, verify
from secmod.errors import CardError, PointError, SignatureError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.objects.public_key import Content, PublicKey
    from secmod.card.state import CardState

_HASHES = {256: sha256, 384: sha384, 512: sha512}  # by the bits of the curve


@dataclass(frozen=True, slots=True)
class Parameters:
    """The message is the last `serial` bytes of a file and a challenge of `challenge` bytes; who has signed it `proves` a letter.

    The wrong answer number `max_failures` ends the session.
    """

    challenge: int
    serial_file: FileName
    serial: int
    max_failures: int
    proves: Proof


@command("external_authenticate", INS.EXTERNAL_AUTHENTICATE, p1=0x00, p2=0x00, data=Data.REQUIRED, parameters=Parameters)
def external_authenticate(apdu: CommandApdu, card: CardState, parameters: Parameters) -> None:
    """r || s in the data field proves the letter for the rest of the session; the challenge is gone, whatever the outcome.

    6985 without challenge, selected key or a key in its place; 6983 if its certificate is not valid now; 6300 if the signature is
    wrong, and 6983 for the one too many.
    """
    challenge, card.challenge = card.challenge, None
    key = card.environment.authenticating
    if key is None or not key.present:
        raise CardError(SW.CONDITIONS, "no key to authenticate with is selected, or its place is empty")
    content = key.open(Use.EXTERNAL_AUTHENTICATE, card.security_status)
    if challenge is None or len(challenge) != parameters.challenge:
        raise CardError(SW.CONDITIONS, "there is no challenge to answer")
    _check_validity(card, key, content)
    curve, point = content.key
    message = _serial(card, parameters) + challenge
    try:
        verify(curve, point, _HASHES[curve.bits](message), apdu.data)
    except (SignatureError, PointError) as error:
        card.failures += 1
        if card.failures < parameters.max_failures:
            raise CardError(SW.AUTHENTICATION_FAILED, "the signature is wrong") from error
        card.close_session = True
        raise CardError(SW.BLOCKED, f"{card.failures} wrong signatures in one session") from error
    card.security_status.proofs.add(parameters.proves)


def _check_validity(card: CardState, key: PublicKey, content: Content) -> None:
    """Raises CardError 6983 if the key was certified for another time."""
    if content.certified is not None and not card.clock.within(content.certified.not_before, content.certified.not_after):
        raise CardError(SW.BLOCKED, f"the certificate of {key.name} is not valid now")


def _serial(card: CardState, parameters: Parameters) -> bytes:
    """The last bytes of the module's serial number, as the session may read them."""
    file = next(file for file in card.tree.files if file.name == parameters.serial_file)
    return file.open(Mode.READ, card.security_status).data[-parameters.serial :]
