# SPDX-License-Identifier: Apache-2.0
"""A client that changes a module in every way there is, and keeps book of what must be there afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from typing import Any

from secmod.card.lifecycle import FileState, KeyState
from secmod.errors import RetriesLeftError
from secmod.host import SecurityModule
from secmod.profile import load_profile
from tests.campaigns.facts import ANY, Facts, Key
from tests.card.authority import Chain
from tests.card.sessions import sign

PROFILE = "tr03109_2"
PIN, PUK = 0x03, 0x04
TRANSPORT = "0000000000"
FULL = 10  # tries
WAN, HAN, LMN = (0x81, 0x82, 0x83, 0x84, 0x85, 0x86), (0x87, 0x88), (0x89, 0x8A)
FILES = {entry.name: entry.size for entry in load_profile(PROFILE).files if entry.name.startswith("EF.C.")} | {"EF.DATA": 1024}
EMPTY, DEACTIVATED, ACTIVE, TERMINATED = map(int, (KeyState.EMPTY, KeyState.DEACTIVATED, KeyState.ACTIVE, KeyState.TERMINATED))


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing to do: `run` does it; what the module may be while it is under way, and is when it is done."""

    name: str
    run: Callable[[SecurityModule], Any]
    stages: Callable[[Facts], list[Facts]]
    done: Callable[[Facts, Any], Facts]
    session: bool = True  # whether the client's session is still open afterwards


def change(
    name: str, run: Callable[[SecurityModule], Any], after: Callable[[Facts], Facts], *, session: bool = True
) -> Operation:
    """What is done in one step whose outcome is known before."""
    return Operation(name, run, lambda facts: [after(facts)], lambda facts, _: after(facts), session)


class Load:
    """Chooses what to do next; a life of a module from delivery to its end, with `steps` operations on the way."""

    def __init__(self, choice: random.Random, chain: Chain, steps: int) -> None:
        self.choice = choice
        self.chain = chain
        self.left = steps
        self.in_session = False
        self.administrator = False

    def forget(self) -> None:
        """The module has been reset: no session is open."""
        self.in_session = self.administrator = False

    def did(self, operation: Operation) -> None:
        """The operation is done."""
        if not operation.session:
            self.forget()

    def next(self, facts: Facts) -> Operation | None:
        """What to do to a module that is this; None if its life has ended."""
        self.left -= 1
        if facts.phase == "X":
            return None
        if facts.passwords[PIN].tries == 0:
            return self._unblock(facts)
        if not self.in_session:
            return self._open(facts)
        if facts.phase in "IG":
            return self._deliver(facts)
        if facts.phase in "PO" and not self.administrator:
            return self._authenticate()
        if self.left <= 0:
            return change("terminate card usage", lambda module: module.terminate(), ended, session=False)
        return self.choice.choices(
            (
                self._a_key,
                self._a_file,
                self._a_password,
                self._a_wrong_password,
                self._a_certificate,
                self.towards_the_next_phase,
            ),
            (40, 20, 10, 8, 12, 10),
        )[0](facts)

    def another(self, facts: Facts) -> Operation:
        """What any module takes that has not ended: a session by its PIN, or by its PUK if that is blocked."""
        return self._open(facts) if facts.passwords[PIN].tries else self._unblock(facts)

    # ---- sessions ----------------------------------------------------------------------------------------------------------

    def _open(self, facts: Facts) -> Operation:
        value = facts.passwords[PIN].value

        def run(module: SecurityModule) -> None:
            module.open_session(value or "")
            self.in_session = True
            self.administrator = False

        return Operation("PACE", run, partial(counted_and_restored, reference=PIN), lambda facts, _: restored(facts, PIN))

    def _authenticate(self) -> Operation:
        def run(module: SecurityModule) -> None:
            module.external_authenticate(partial(sign, self.chain.signing.key))
            self.administrator = True

        return change("external authenticate", run, lambda facts: facts)

    def _unblock(self, facts: Facts) -> Operation:
        puk, fresh = facts.passwords[PUK].value or "", self._digits()

        def run(module: SecurityModule) -> None:
            module.open_session(puk, PUK)
            module.reset_retry_counter(PIN, fresh)

        def after(facts: Facts, _result: Any = None) -> Facts:
            return restored(facts, PUK).with_password(PIN, state="set", value=fresh, tries=FULL)

        def stages(facts: Facts) -> list[Facts]:
            return [*counted_and_restored(facts, PUK), after(facts)]

        return Operation("reset retry counter", run, stages, after, session=False)

    # ---- what there is to do -----------------------------------------------------------------------------------------------

    def _deliver(self, facts: Facts) -> Operation:
        fresh = self._digits()
        if facts.phase == "I":

            def first(facts: Facts) -> Facts:
                return replace(facts.with_password(PIN, state="set", value=fresh, tries=FULL), phase="G")

            return change("first PIN", lambda module: module.change_password(fresh), first, session=False)
        if facts.passwords[PUK].value is None:
            puk = self._digits(16)
            return self._set(PUK, puk)
        return self._step("V")

    def _set(self, reference: int, value: str) -> Operation:
        return change(
            "change reference data",
            lambda module: module.change_password(value, reference),
            lambda facts: facts.with_password(reference, state="set", value=value, tries=FULL),
        )

    def _a_key(self, facts: Facts) -> Operation:
        reference = self.choice.choice((*WAN, *HAN, *LMN))
        key = facts.keys[reference]
        ways: list[Callable[[int, Key, str], Operation]] = {
            EMPTY: [self._generate],
            DEACTIVATED: [
                self._generate,
                self._life,
                self._life,
                self._delete,
                *([self._terminate] * self._may_terminate(facts, reference)),
            ],
            ACTIVE: [self._life, *([self._terminate] * self._may_terminate(facts, reference))],
            TERMINATED: [self._generate, self._delete],
        }[key.state]
        return self.choice.choice(ways)(reference, key, facts.phase)

    @staticmethod
    def _may_terminate(facts: Facts, reference: int) -> bool:
        return reference in LMN or facts.phase in "PO"

    def _generate(self, reference: int, _key: Key, phase: str) -> Operation:
        curve = self.choice.choice(("brainpoolP256r1", "brainpoolP384r1", "secp256r1")) if reference in (*HAN, *LMN) else None

        def after(facts: Facts, point: bytes) -> Facts:
            return facts.with_key(reference, Key(DEACTIVATED, phase, point))

        return Operation(
            "generate key pair",
            lambda module: module.generate_key(reference, curve, overwrite=True),
            lambda facts: [after(facts, ANY)],
            lambda facts, public: after(facts, public.point),
        )

    def _life(self, reference: int, key: Key, _phase: str) -> Operation:
        active = key.state == ACTIVE
        name = "deactivate" if active else "activate"
        return change(
            name,
            lambda module: getattr(module, f"{name}_key")(reference),
            lambda facts: facts.with_key(reference, replace(facts.keys[reference], state=DEACTIVATED if active else ACTIVE)),
        )

    def _terminate(self, reference: int, _key: Key, _phase: str) -> Operation:
        return change(
            "terminate",
            lambda module: module.terminate_key(reference),
            lambda facts: facts.with_key(reference, replace(facts.keys[reference], state=TERMINATED)),
        )

    def _delete(self, reference: int, _key: Key, _phase: str) -> Operation:
        return change("delete", lambda module: module.delete_key(reference), lambda facts: facts.with_key(reference, Key()))

    def _a_file(self, facts: Facts) -> Operation:
        name = self.choice.choice(list(FILES))
        content = self.choice.randbytes(self.choice.choice((1, 16, 200, 700)))
        offset = self.choice.randint(0, min(len(facts.files[name]) + 8, FILES[name] - len(content)))

        def after(facts: Facts) -> Facts:
            old = facts.files[name]
            return facts.with_file(name, old[:offset].ljust(offset, b"\0") + content + old[offset + len(content) :])

        return change("update binary", lambda module: module.update_file(name, content, offset), after)

    def _a_password(self, facts: Facts) -> Operation:
        if facts.phase == "P":
            return self._a_file(facts)
        fresh, old = self._digits(), facts.passwords[PIN].value
        if self.choice.random() < 0.5:
            return (
                self._set(PUK, self._digits(16)) if facts.phase == "O" and self.choice.random() < 0.3 else self._set(PIN, fresh)
            )

        def after(facts: Facts, _result: Any = None) -> Facts:
            return facts.with_password(PIN, state="set", value=fresh, tries=FULL)

        return Operation(
            "change reference data, old and new",
            lambda module: module.change_password(fresh, PIN, old),
            lambda facts: [one_try_less(facts, PIN), after(facts)],
            after,
        )

    def _a_wrong_password(self, facts: Facts) -> Operation:
        if facts.phase == "P" or self.choice.random() < 0.6:
            return self.wrong_pace(facts)
        wrong, fresh = self._digits(len(facts.passwords[PIN].value or "")), self._digits()
        run = _refused(lambda module: module.change_password(fresh, PIN, wrong))
        return change("change reference data, old one wrong", run, lambda facts: one_try_less(facts, PIN))

    def wrong_pace(self, facts: Facts) -> Operation:
        """A session that does not come about."""
        wrong = self._digits(len(facts.passwords[PIN].value or ""))
        run = _refused(lambda module: module.open_session(wrong))
        return change("PACE, wrong", run, lambda facts: one_try_less(facts, PIN), session=False)

    def _a_certificate(self, facts: Facts) -> Operation:
        administrator = dict(zip((0xC4, 0xC5, 0xC6), self.chain.administrator_certificates, strict=True))
        if facts.points[0xC0] is None:
            if facts.phase != "V":
                return self._a_file(facts)
            return self._import(0xC0, self.chain.root_certificate, None, self.chain.root.point)
        if facts.points[0xC2] is None:
            return self._import(0xC2, self.chain.sub_certificate, 0xC0, self.chain.sub.point)
        reference = self.choice.choice(tuple(administrator))
        if facts.points[reference] is not None and self.choice.random() < 0.5 and facts.phase == "V":
            return change(
                "delete public key", lambda module: module.delete_key(reference), lambda facts: facts.with_point(reference, None)
            )
        party = {0xC4: self.chain.tls, 0xC5: self.chain.signing, 0xC6: self.chain.encryption}[reference]
        return self._import(reference, administrator[reference], 0xC2, party.point)

    def _import(self, reference: int, certificate: bytes, verifier: int | None, point: bytes) -> Operation:
        def run(module: SecurityModule) -> None:
            module.import_certificate(reference, certificate, verifier)
            self.administrator = self.administrator and reference != 0xC5  # whoever has another key must prove it

        def after(facts: Facts) -> Facts:
            return replace(facts.with_point(reference, point), since=self.chain.start.replace(tzinfo=UTC))

        return change("verify certificate", run, after)

    def towards_the_next_phase(self, facts: Facts) -> Operation:
        """The step, if the module is ready for it; otherwise what it lacks."""
        active = [
            any(facts.keys[place].state == ACTIVE and facts.keys[place].made_in in made for place in places)
            for made in (("V", "P", "O"), ("P",))
            for places in ((0x81, 0x82), (0x83, 0x84), (0x85, 0x86))
        ]
        anchored = facts.points[0xC0] is not None and facts.points[0xC5] is not None
        if facts.phase == "V" and all(active[:3]) and anchored and self.choice.random() < 0.3:
            return self._step("P")
        if facts.phase == "P" and all(active[3:]):
            return self._step("O")
        if facts.phase == "O":
            return self._step("P")
        return self._a_missing_key(facts)

    def _a_missing_key(self, facts: Facts) -> Operation:
        """Towards the next phase."""
        for reference in (0x81, 0x83, 0x85):
            key = facts.keys[reference]
            if key.state == DEACTIVATED and (facts.phase != "P" or key.made_in == "P"):
                return self._life(reference, key, facts.phase)
            if key.state == ACTIVE and facts.phase == "P" and key.made_in != "P":
                return self._life(reference, key, facts.phase)
            if key.state != ACTIVE:
                return self._generate(reference, key, facts.phase)
        return self._a_certificate(facts)

    def _step(self, letter: str) -> Operation:
        def run(module: SecurityModule) -> None:
            module.set_phase(letter)
            self.administrator = False

        return change("put data, phase", run, lambda facts: replace(facts, phase=letter))

    def _digits(self, length: int = 0) -> str:
        while True:
            digits = "".join(self.choice.choices("0123456789", k=length or self.choice.randint(10, 16)))
            if len(set(digits)) > 1:
                return digits


def _refused(run: Callable[[SecurityModule], Any]) -> Callable[[SecurityModule], None]:
    """Does it, and expects that the password is wrong."""

    def refused(module: SecurityModule) -> None:
        try:
            run(module)
        except RetriesLeftError:
            return
        raise AssertionError("a wrong password was taken")

    return refused


def one_try_less(facts: Facts, reference: int) -> Facts:
    """A try has been counted."""
    tries = facts.passwords[reference].tries
    return facts.with_password(reference, tries=None if tries is None else tries - 1)


def restored(facts: Facts, reference: int) -> Facts:
    """All tries are there."""
    return facts.with_password(reference, tries=FULL)


def counted_and_restored(facts: Facts, reference: int) -> list[Facts]:
    """What a right password goes through."""
    return [one_try_less(facts, reference), restored(facts, reference)]


def ended(facts: Facts) -> Facts:
    """The module's life is over: keys and passwords are gone."""
    return replace(
        facts,
        phase="X",
        passwords={place: replace(password, state="empty", value=None) for place, password in facts.passwords.items()},
        keys={place: Key() for place in facts.keys},
        points=dict.fromkeys(facts.points),
        master_file=int(FileState.TERMINATED),
    )
