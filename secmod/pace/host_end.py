# SPDX-License-Identifier: Apache-2.0
"""The host's end of PACE (BSI TR-03110-3 B.1): what the card answered in, what to send next out."""

from __future__ import annotations

from secmod.crypto.handshake import HandshakeEnd
from secmod.errors import CryptoError, MismatchError, PaceError, PointError
from secmod.pace.end import End, out_of_order
from secmod.pace.states import Step
from secmod.securemessaging import Session


class HostEnd(End):
    """A run at the host; raises PaceError if the card does not prove that it knows the password, or a step comes out of order."""

    __slots__ = ()

    ROLE = HandshakeEnd.HOST

    def nonce(self, z: bytes) -> bytes:
        """After step 1: the card's encrypted nonce in; our key for the mapping out, to be sent in step 2."""
        with self._step(Step.NONCE):
            self._handshake.set_nonce(z)
            return self._handshake.map_key()

    def map(self, point: bytes) -> bytes:
        """After step 2: the card's key for the mapping in; our key over the mapped generator out, to be sent in step 3."""
        with self._step(Step.MAP):
            self._handshake.map(point)
            return self._handshake.agree_key()

    def agree(self, point: bytes) -> bytes:
        """After step 3: the card's key over the mapped generator in; our token out, 8 bytes, to be sent in step 4."""
        with self._step(Step.AGREE):
            self._handshake.agree(point)
            return self._handshake.token()

    def finish(self, token: bytes) -> Session:
        """After step 4: the card's token in; the session out."""
        with self._step(Step.FINISH):
            return Session(self._handshake.finish(token))

    def _translated(self, error: CryptoError) -> Exception:
        if isinstance(error, MismatchError):
            return PaceError("the card's token is wrong, or its public key is ours: it does not know the password")
        if isinstance(error, PointError):
            return PaceError(f"the card's public key is bad: {error}")
        return PaceError(f"PACE: {error}") if out_of_order(error) or type(error) is CryptoError else error


__all__ = ["HostEnd"]
