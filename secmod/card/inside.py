# SPDX-License-Identifier: Apache-2.0
"""A card opened, for faults that come from its inside: loaded only when one is wished for.

What is done here is what heat, light, age and attackers do to a chip; how the card then behaves is said where its parts are.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from secmod.card.work import work_of
from secmod.crypto.selftest import NONE, SelfTest
from secmod.errors import CryptoError, UnknownNameError

if TYPE_CHECKING:
    from secmod.apdu import CommandApdu
    from secmod.card.card import Card
    from secmod.card.journal import Durable
    from secmod.card.state import CardState
    from secmod.errors import SecmodError


_replacing = threading.Lock()


class _Observers(list[Callable[[str], None]]):
    """Those who watch a store besides the one it was made with: cards of several readers may share it."""

    def __init__(self, before: Callable[[str], None] | None) -> None:
        super().__init__()
        self.before = before

    def __call__(self, step: str) -> None:
        for observer in filter(None, (self.before, *self)):
            observer(step)


class Inside:
    """The inside of one card.  Only for who works with the card alone: its reader, between commands."""

    def __init__(self, card: Card) -> None:
        self._card = card

    @property
    def _state(self) -> CardState:
        return self._card._opened()  # noqa: SLF001 - this is where the card is opened

    def random_alarm(self, *, permanent: bool = False) -> None:
        """The random generator is in its alarm state, and so is the card: until a reset, or for good."""
        self._state.vault.raise_alarm()
        if permanent:
            try:
                self._state.vault.power_on()
                self._state.vault.raise_alarm()
            except CryptoError:  # it was for good already
                pass
        self._state.raise_alarm("the random generator")

    @contextmanager
    def failing_tests(self, names: tuple[str, ...]) -> Iterator[None]:
        """Within it these known-answer tests give another answer (`AES`, `ECDSA` …; none named: all).  UnknownNameError."""
        unknown = [name for name in names if name not in SelfTest.__members__]
        if unknown:
            raise UnknownNameError(f"there is no self-test {unknown[0]!r}; there are {', '.join(SelfTest.__members__)}")
        failing = NONE
        for name in names or SelfTest.__members__:
            failing |= SelfTest[name]
        before, self._state.failing_tests = self._state.failing_tests, failing
        try:
            yield
        finally:
            self._state.failing_tests = before

    def spoil(self, name: str) -> None:
        """The file, key or password of this name is not what was stored any more.  UnknownNameError if there is none.

        Of a file a bit has changed behind the checksum's back.  What a store has, it gives back at the next power-up.
        """
        tree = self._state.tree
        files = {file.name: file for file in tree.files}
        places: dict[str, Durable] = {key.name: key.durable for key in tree.private_keys.values()}
        places |= {key.name: key.durable for key in tree.public_keys.values()}
        places |= {password.name: next(iter(password.durables)) for password in tree.passwords.values()}
        if name in files:
            content = files[name]._content  # noqa: SLF001 - as above
            content.data = bytes([content.data[0] ^ 0x01]) + content.data[1:] if content.data else b"\x01"
        elif name in places:
            places[name].lose("by a fault that somebody wished for")
        else:
            raise UnknownNameError(f"the card has no object {name!r}; it has {', '.join([*files, *places])}")

    @contextmanager
    def failing_store(self, at: str, error: type[SecmodError]) -> Iterator[None]:
        """Within it the card's store fails with `error` at a step of a change: "begin", "write" (the first), "commit", "done", or
        the n-th step of all, as a number from 1.  StoreError if the card has no store.
        """
        store = self._card._its_store().store  # noqa: SLF001 - as above
        me, steps = threading.get_ident(), itertools.count(1)

        def fail(step: str) -> None:
            if threading.get_ident() == me and at in {str(next(steps)), step.split(" ", maxsplit=1)[0]}:
                raise error(f"a fault at {step!r}")

        with _replacing:
            if not isinstance(store.observer, _Observers):
                store.observer = _Observers(store.observer)
            observers = store.observer
            observers.append(fail)
        try:
            yield
        finally:
            with _replacing:
                observers.remove(fail)
                if not observers:
                    store.observer = observers.before

    def observe(self, note: Callable[[str, str | None, int | None], None] | None) -> None:
        """`note` is told of each command before it is executed: its work, and the curve's name and bits; None: nobody is."""
        vars(self._card).pop("_execute", None)
        if note is None:
            return
        execute = self._card._execute  # noqa: SLF001 - as above

        def observed(apdu: CommandApdu) -> bytes:
            work, curve = work_of(apdu, self._state)
            note(work, None if curve is None else curve.name, None if curve is None else curve.bits)
            return execute(apdu)

        vars(self._card)["_execute"] = observed  # in front of the method

    @contextmanager
    def altered_answers(self, alter: Callable[[bytes], bytes]) -> Iterator[None]:
        """Within it the card's answers are altered before secure messaging protects them."""
        answer = self._card._answer  # noqa: SLF001 - as above

        def altered(work: Callable[[Any], bytes], subject: Any) -> bytes:
            return alter(answer(work, subject))

        vars(self._card)["_answer"] = altered  # in front of the method
        try:
            yield
        finally:
            del vars(self._card)["_answer"]


__all__ = ["Inside"]
