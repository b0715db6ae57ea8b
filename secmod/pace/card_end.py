# SPDX-License-Identifier: Apache-2.0
"""The card's end of PACE (BSI TR-03110-3 B.1): one method per GENERAL AUTHENTICATE, received value in, value to send out."""

from __future__ import annotations

from collections.abc import Callable

from secmod.apdu import SW
from secmod.crypto.handshake import TOKEN_BYTES, HandshakeEnd
from secmod.errors import CardError, CryptoError, MismatchError, PointError
from secmod.pace.end import End, out_of_order
from secmod.pace.states import Step
from secmod.securemessaging import Session


class CardEnd(End):
    """A run at the card.

    Raises CardError: 6A80 for a point that is no public key of the curve, 6300 for a wrong token or our own public key, 6985 for
    a step out of its order.
    """

    __slots__ = ()

    ROLE = HandshakeEnd.CARD

    def nonce(self) -> bytes:
        """Step 1: the encrypted nonce z, 16 bytes."""
        with self._step(Step.NONCE):
            return self._handshake.nonce()

    def map(self, point: bytes) -> bytes:
        """Step 2: the host's key for the mapping in, ours out."""
        with self._step(Step.MAP):
            own = self._handshake.map_key()
            self._handshake.map(point)
            return own

    def agree(self, point: bytes) -> bytes:
        """Step 3: the host's key over the mapped generator in, ours out."""
        with self._step(Step.AGREE):
            own = self._handshake.agree_key()
            self._handshake.agree(point)
            return own

    def finish(self, token: bytes, authorise: Callable[[], None]) -> tuple[bytes, Session]:
        """Step 4: the host's token in; ours, and the session, out.

        `authorise` is called just before the token is compared: there a try is counted, so that cutting the power wins nothing.
        What it raises ends the run.  A token that has not 8 bytes is refused before (6A80), and costs no try.
        """
        with self._step(Step.FINISH):
            if len(token) != TOKEN_BYTES:
                raise CardError(SW.WRONG_DATA, f"a token has {TOKEN_BYTES} bytes, not {len(token)}")
            own = self._handshake.token()
            authorise()
            return own, Session(self._handshake.finish(token))

    def _translated(self, error: CryptoError) -> Exception:
        if isinstance(error, PointError):
            return CardError(SW.WRONG_DATA, str(error))
        if isinstance(error, MismatchError):
            return CardError(SW.AUTHENTICATION_FAILED, str(error))
        return CardError(SW.CONDITIONS, str(error)) if out_of_order(error) else error


__all__ = ["CardEnd"]
