# SPDX-License-Identifier: Apache-2.0
"""Any sequence of commands, from inside: the terminal knows passwords and private keys, and checks what must hold after each.

Nothing raises and nothing is logged as an error; every response is well-formed; an error leaves the objects alone; counters rise
and phases change only by the commands that may do that; no private key, password or session key is ever in an answer.
"""

from __future__ import annotations

import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from secmod.crypto import CURVES
from secmod.testing import PASSWORDS, new_card
from tests.card.matrix import CHAIN, PHASES, PROFILE, TERMINATED, cells, certificates, fill, imported
from tests.card.sessions import OTHER_PIN, PIN, PUK, SERIAL8, TRANSPORT_PIN, sign
from tests.card.talk import SUITES, Answer, Handshake, Suite, Terminal, apdu, do
from tests.reference import apdu as reference

WORDS = (TRANSPORT_PIN, PIN, PUK, OTHER_PIN, PUK[::-1], "5555566666")
STEPS = {(origin, entry["to"], entry["by"]) for entry in PROFILE["transition"] for origin in entry["from"]}
TRIGGERS = {"change_password": 0x24, "put_data": 0xDA, "terminate_card_usage": 0xFE}
CODES = {letter: phase["code"] for letter, phase in PROFILE["phases"]["list"].items()}
ENDS = "00FE0000"  # TERMINATE CARD USAGE, which is sent seldom
KNOWN = bytes(range(0x40, 0x80))  # private keys are made of these octets
# The first change of a PIN, the last wrong EXTERNAL AUTHENTICATE, TERMINATE CARD USAGE: their answers are still protected.
ENDS_SESSIONS = (0x24, 0x82, 0xFE)
INS_WITH_CONTENT = (0x2A, 0x86, 0x22, 0x46, 0xA4, 0xD7, 0xB1)
PIECE = 8  # octets of a secret that no answer may hold in a row

Row = tuple[tuple[bytes, ...], bytes]
by_command: dict[str, list[Row]] = {}
for cell in cells():
    if cell.last.hex().upper() != ENDS:
        by_command.setdefault(cell.command, []).append((cell.before, cell.last))
rows = st.sampled_from(sorted(by_command)).flatmap(lambda command: st.sampled_from(by_command[command]))
octets = st.binary(max_size=40)
seldom = st.sampled_from((*[False] * 7, True))


class Errors(logging.Handler):
    """Collects what the card logs as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@st.composite
def changed(draw: st.DrawFn, command: bytes) -> bytes:
    """A command with something wrong about it."""
    how = draw(st.sampled_from(("octet", "header", "cut", "more", "chain", "class", "le")))
    raw = bytearray(command)
    if how == "octet":
        raw[draw(st.integers(0, len(raw) - 1))] ^= draw(st.integers(1, 255))
    elif how == "header":
        raw[draw(st.integers(0, 3))] = draw(st.integers(0, 255))
    elif how == "cut":
        del raw[draw(st.integers(0, len(raw))) :]
    elif how == "more":
        raw += draw(octets)
    elif how == "chain":
        raw[0] |= 0x10
    elif how == "class":
        raw[0] = draw(st.sampled_from((0x01, 0x04, 0x08, 0x0C, 0x20, 0x40, 0x80, 0x8C, 0xFF)))
    else:
        raw += draw(st.sampled_from((b"\x00", b"\x01", b"\x00\x00")))
    return bytes(raw)


class Module(RuleBasedStateMachine):
    """The card, its terminal, and what the terminal knows."""

    @initialize(phase=st.sampled_from(PHASES[:-1]), session=st.booleans())
    def begin(self, phase: str, *, session: bool) -> None:
        self.card: Any = new_card(phase=phase)
        fill(self.card, imported())
        self.errors = Errors()
        logging.getLogger("secmod").addHandler(self.errors)
        self.talk = Terminal(self)
        self.handshake: Handshake | None = None
        self.passwords: dict[int, str | None] = {3: TRANSPORT_PIN, 4: None} if phase == "I" else {3: PIN, 4: PUK}
        self.secrets: dict[str, int] = {}  # name of a private key → the known secret in its place
        self.inner: reference.Command | None = None
        self.right_password = False
        if not session:
            self.open_a_session(3, SUITES[0])

    # ---- everything that is sent goes through here ----

    def transmit(self, command: bytes) -> bytes:
        before = self.facts()
        answer = self.card.transmit(command)
        self.check(command, answer, before, self.facts())
        self.know_the_keys()
        return answer

    def facts(self) -> dict[str, Any]:
        state = self.card._state
        tree = state.tree
        return {
            "files": [(file._content.data, file.state) for file in tree.files],
            "keys": [(key.summary(), id(key._content.secret)) for key in tree.private_keys.values() if not key.volatile],
            "public": [key.summary() for key in tree.public_keys.values() if not key.volatile],
            "passwords": [(entry._content.state, id(entry._content.secret)) for entry in tree.passwords.values()],
            "tries": {reference_: entry._content.tries for reference_, entry in tree.passwords.items()},
            "phase": state.security_status.phase,
            "clock": state.clock.now,
        }

    def check(self, command: bytes, answer: bytes, before: dict[str, Any], after: dict[str, Any]) -> None:
        assert len(answer) >= 2
        sw = int.from_bytes(answer[-2:], "big")
        assert 0x61 <= sw >> 8 <= 0x6F or sw == 0x9000, hex(sw)
        assert sw >> 8 not in (0x60, 0x6F), hex(sw)
        self.no_secret_in(answer)
        inner, self.inner = self.inner, None
        if inner is None:
            parsed = reference.parse(command)
            inner = parsed if isinstance(parsed, reference.Command) else None
        same = {"files", "keys", "public", "passwords", "phase", "clock"}
        if 0x64 <= sw >> 8 <= 0x6F:
            assert {name for name in same if before[name] != after[name]} == set()
        self.check_counters(inner, sw, before["tries"], after["tries"])
        if before["phase"] != after["phase"]:
            assert inner is not None
            by = next(name for name, ins in TRIGGERS.items() if ins == inner.ins)
            assert (before["phase"], after["phase"], by) in STEPS
            assert sw == 0x9000
        if before["passwords"] != after["passwords"] and after["phase"] != TERMINATED:
            assert inner is not None
            self.password_changed(inner)

    def check_counters(self, inner: reference.Command | None, sw: int, before: dict[int, int], after: dict[int, int]) -> None:
        for reference_, tries in after.items():
            assert 0 <= tries <= 10
            if tries > before[reference_]:
                assert sw == 0x9000
                assert inner is not None
                if inner.ins == 0x86:
                    assert self.right_password
                else:
                    assert inner.ins in (0x24, 0x2C)
                    assert inner.p2 == reference_
                    assert self.talk.channel
            elif tries < before[reference_]:
                assert tries == before[reference_] - 1
                assert inner is not None
                assert inner.ins in (0x86, 0x24)

    def password_changed(self, inner: reference.Command) -> None:
        assert inner.ins in (0x24, 0x2C)
        assert self.talk.channel
        old = self.passwords[inner.p2] or ""
        both = inner.ins == 0x24 and inner.p1 == 0x00
        self.passwords[inner.p2] = inner.data[len(old) if both else 0 :].decode()

    def no_secret_in(self, octets_: bytes) -> None:
        for secret in (KNOWN, *(self.talk.channel.keys if self.talk.channel else ())):
            pieces = (secret[start : start + PIECE] for start in range(len(secret) - PIECE + 1))
            assert not any(piece in octets_ for piece in pieces)
        for word in self.passwords.values():
            assert word is None or word == TRANSPORT_PIN or word.encode() not in octets_

    def know_the_keys(self) -> None:
        """Puts a private key that is known in the place of each that the card has made."""
        state = self.card._state
        for key in state.tree.private_keys.values():
            content = key._content
            if content.secret is not None and id(content.secret) != self.secrets.get(key.name):
                curve = content.secret.curve
                secret = state.vault.import_key(curve, KNOWN[: curve.field_bytes])
                content.replace(secret, content.state, content.made_in)
                self.secrets[key.name] = id(secret)

    def send(self, command: bytes) -> Answer:
        """In plain, or in the session if there is one."""
        if self.talk.channel is None or not isinstance(reference.parse(command), reference.Command):
            return self.plain(command)
        parsed = reference.parse(command)
        assert isinstance(parsed, reference.Command)
        if parsed.cla & 0x0C or (parsed.cla >= 0x40 and parsed.cla not in (0x80, 0x90)) or parsed.cla & 0x03:
            return self.plain(command)
        self.inner = parsed
        answer = self.talk.attempt(command)
        self.no_secret_in(answer.data)
        if answer.protected and self.card._state.session is None:
            assert parsed.ins in ENDS_SESSIONS
            self.talk.channel = None
        return answer

    def plain(self, command: bytes) -> Answer:
        if not (command and command[0] & 0x0C):
            self.talk.channel = None
        answer = self.talk.plain(command)
        if self.card._state.session is None:
            self.talk.channel = None
        return answer

    # ---- what a terminal does ----

    @precondition(lambda self: self.talk.channel is None)
    @rule(password=st.sampled_from((3, 3, 3, 4)), suite=st.sampled_from((SUITES[0], SUITES[0], *SUITES)))
    def open_a_session(self, password: int, suite: Suite) -> None:
        word = self.passwords[password]
        self.right_password = True
        if word is not None:
            self.talk.pace(word, password, suite)

    @rule(row=rows)
    def a_row(self, row: Row) -> None:
        for command in (*row[0], row[1]):
            self.send(command)

    @rule(row=rows, data=st.data())
    def a_changed_row(self, row: Row, data: st.DataObject) -> None:
        for command in row[0]:
            self.send(command)
        wrong = data.draw(changed(row[1]))
        if wrong[:4].hex().upper() != ENDS:
            self.send(wrong)

    @rule(row=rows, seldom=seldom, data=st.data())
    def a_plain_row(self, row: Row, data: st.DataObject, *, seldom: bool) -> None:
        if not seldom and self.talk.channel:
            return
        self.plain(data.draw(st.one_of(st.just(row[1]), changed(row[1]))))

    @precondition(lambda self: self.talk.channel is not None)
    @rule(row=rows, data=st.data())
    def broken_protection(self, row: Row, data: st.DataObject) -> None:
        assert self.talk.channel
        protected = self.talk.channel.protect(row[1])
        sent = data.draw(changed(protected))
        if sent[1:4] == protected[1:4] and sent[0] & 0xEF == 0x0C:  # whatever comes through comes through as it was meant
            self.inner = reference.parse(row[1])
        self.talk.raw(sent)
        if self.card._state.session is None:
            self.talk.channel = None
        else:  # it came through: only the outer Le is not under the MAC
            self.talk.channel.count()

    @rule(raw=st.binary(max_size=300), seldom=seldom)
    def any_octets(self, raw: bytes, *, seldom: bool) -> None:
        if not seldom and self.talk.channel:
            return
        self.plain(raw)

    @rule(
        data=octets,
        ins=st.sampled_from((0x2A, 0x86, 0x22, 0x46, 0xA4, 0xD7, 0xB1)),
        p1=st.integers(0, 255),
        p2=st.integers(0, 255),
    )
    def any_parameters(self, data: bytes, ins: int, p1: int, p2: int) -> None:
        self.send(apdu(bytes([0, ins, p1, p2]).hex(), data, 256))

    @rule(
        word=st.sampled_from(WORDS),
        password=st.sampled_from((3, 3, 3, 4)),
        suite=st.sampled_from((SUITES[0], SUITES[0], *SUITES)),
        right=st.booleans(),
        steps=st.sampled_from((1, 2, 3, 4, 5, 5, 5, 5)),
        seldom=seldom,
    )
    def pace(self, *, word: str, password: int, suite: Suite, right: bool, steps: int, seldom: bool) -> None:
        if not seldom and self.talk.channel:
            return
        chosen = self.passwords[password] if right else word
        handshake = self.talk.handshake(chosen or word, password, suite)
        self.talk.channel = None
        self.right_password = (chosen or word) == self.passwords[password]
        for step in (handshake.select, handshake.nonce, handshake.map, handshake.agree, handshake.token)[:steps]:
            answer = step()
            if answer.sw != "9000" and step != handshake.select:
                break
        self.handshake = handshake

    @precondition(lambda self: self.handshake is not None)
    @rule(step=st.sampled_from(("nonce", "map", "agree", "token")), data=octets, seldom=seldom)
    def a_stray_step(self, step: str, data: bytes, *, seldom: bool) -> None:
        if not seldom and self.talk.channel:
            return
        self.right_password = False
        self.talk.channel = None
        if step in ("map", "agree"):
            self.talk.plain(apdu("10860000", do(0x7C, do(0x81 if step == "map" else 0x83, data)), 256))
        elif step == "nonce":
            self.talk.plain(apdu("10860000", do(0x7C), 256))
        else:
            self.talk.plain(apdu("00860000", do(0x7C, do(0x85, data)), 256))

    @precondition(lambda self: self.talk.channel is not None)
    @rule()
    def the_administrator(self) -> None:
        self.send(bytes.fromhex("002281A4068301C5800100"))
        answer = self.send(bytes.fromhex("0084000010"))
        if answer.sw == "9000" and self.talk.channel:
            self.send(apdu("00820000", sign(CHAIN.signing.key, SERIAL8 + answer.data)))

    @precondition(lambda self: self.talk.channel is not None)
    @rule(places=st.sampled_from(([0xC0, 0xC2, 0xC5], [0xC0, 0xC1], [0xC2, 0xC4, 0xC6, 0xC8])))
    def certificates(self, places: list[int]) -> None:
        for place in places:
            verifier, certificate = certificates()[place]
            self.send(apdu("002281B6", do(0x83, bytes([verifier or 0xC0]))))
            self.send(apdu("002A00BE", do(0xB6, do(0x83, bytes([place]))) + certificate))

    @precondition(lambda self: self.talk.channel is not None)
    @rule(slot=st.sampled_from((0, 1)))
    def the_wan_keys(self, slot: int) -> None:
        for place in (0x81, 0x83, 0x85):
            self.send(apdu(f"0046C0{place + slot:02X}", b"", 256))
            self.send(apdu(f"004420{place + slot:02X}"))

    @rule(phase=st.sampled_from(PHASES))
    def another_phase(self, phase: str) -> None:
        self.send(apdu("00DADF21", bytes([CODES[phase]])))

    @rule(once=seldom, twice=seldom)
    def the_end(self, *, once: bool, twice: bool) -> None:
        if once and twice:
            self.send(bytes.fromhex(ENDS))

    @rule(power=st.booleans(), seldom=seldom)
    def reset(self, *, power: bool, seldom: bool) -> None:
        if not seldom:
            return
        if power:
            self.card.power_off()
            self.card.power_on()
        else:
            self.card.reset()
        self.talk.channel = self.handshake = None

    # ---- what always holds ----

    @invariant()
    def no_error_is_logged(self) -> None:
        assert self.errors.messages == []

    @invariant()
    def the_terminal_knows_whether_a_session_is_open(self) -> None:
        state = self.card._state
        assert (state.session is not None) == (self.talk.channel is not None)
        assert state.session is not None or not state.security_status.proofs

    def teardown(self) -> None:
        logging.getLogger("secmod").removeHandler(self.errors)
        self.card.reset()
        assert self.card.transmit(bytes.fromhex("00A4000C"))[-2:].hex() in ("9000", "6285")
        code = self.card.transmit(bytes.fromhex("00CADF2101"))
        assert code in (bytes([CODES[self.card._state.security_status.phase]]) + b"\x90\x00", b"\x6d\x00")


def run(examples: int, steps: int) -> None:
    limits = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True
    )
    run_state_machine_as_test(Module, settings=limits)


def test_any_sequence_of_commands() -> None:
    run(25, 40)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_sequences_of_commands() -> None:
    run(1500, 80)


def test_the_machine_knows_its_card() -> None:
    assert (PASSWORDS["PIN.GW"], PASSWORDS["PUK.GW"]) == (PIN, PUK)
    assert all(KNOWN[: curve.field_bytes] for curve in CURVES.values())
