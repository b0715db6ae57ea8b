# SPDX-License-Identifier: Apache-2.0
"""What both ends of a PACE run have in common: the order of the steps, and that nothing is left after a failure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager

from secmod.crypto import Password, Vault
from secmod.crypto.handshake import HandshakeEnd
from secmod.errors import CryptoError, HandleError, RandomAlarmError, StateError
from secmod.pace.states import State, Step, following
from secmod.pace.suites import Suite


class End(ABC):
    """One end of one run: a suite, a state, and the secrets in the vault.  After any error, or `abort`, it is of no more use."""

    __slots__ = ("_handshake", "state", "suite")

    ROLE: HandshakeEnd

    def __init__(self, vault: Vault, suite: Suite, password: Password) -> None:
        self.suite = suite
        self.state = State.SELECTED
        self._handshake = vault.handshake(self.ROLE, suite.curve, suite.key_bytes, suite.oid, password)

    def abort(self) -> None:
        """Everything secret of this run is wiped; nothing happens if it was before, or if the run is done."""
        if self.state is not State.DONE:
            self.state = State.ENDED
        self._handshake.release()

    @contextmanager
    def _step(self, step: Step) -> Iterator[None]:
        """Around the work of a step: its place in the order before, the next state after; whatever is raised ends the run."""
        after = following(self.state, step)
        if after is State.ENDED:
            error = StateError(f"{step.name} can not follow: {self.state.value}")
            self._fail()
            raise self._translated(error)
        try:
            yield
        except RandomAlarmError:
            self._fail()
            raise
        except CryptoError as error:
            self._fail()
            raise self._translated(error) from error
        except BaseException:
            self._fail()
            raise
        self.state = after

    def _fail(self) -> None:
        self.state = State.ENDED
        self._handshake.release()

    @abstractmethod
    def _translated(self, error: CryptoError) -> Exception:
        """The exception that this end raises for an error of the core."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.suite.name}: {self.state.value}>"


def out_of_order(error: CryptoError) -> bool:
    """Whether the error says that a step came too early, too late or after the end."""
    return isinstance(error, StateError | HandleError)


__all__ = ["End", "out_of_order"]
