# SPDX-License-Identifier: Apache-2.0
"""One program, two services: pcscd with our driver, and our own server of its protocol.  What the program sees is the same."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from secmod.reader.direct import DirectServer
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from tests.pcsc.direct import DirectService
from tests.pcsc.winscard import (
    ANY,
    DIRECT,
    EJECT,
    EXCLUSIVE,
    LEAVE,
    RAW,
    RESET,
    SHARED,
    T0,
    T1,
    UNPOWER,
    Card,
    Program,
)
from tests.reader.cards import ATR, ATR_T0, ReaderTestCard

READER = "secmod reader 0 00 00"
ATR_T1 = bytes.fromhex("3B800181")  # TD1 = 01: T=1 alone
COMMAND = bytes.fromhex("8010000003AABBCC")

Seen = list[Any]


class MuteCard(ReaderTestCard):
    """Does not answer to reset until `speaks`."""

    speaks = False

    def power_on(self) -> bytes:
        if not self.speaks:
            raise RuntimeError("mute")
        return super().power_on()

    reset = power_on


class Stage:
    """One of the two services with a card in its reader, as seen by programs in this process."""

    def __init__(self, service: PrivatePcscd | DirectService, server: Server | DirectServer) -> None:
        self._stack = ExitStack()
        self.service = service
        self.server = server

    def program(self) -> Program:
        program = Program()
        assert program.established == "ok"
        self._stack.callback(program.release)
        return program

    def card(self, share: int = SHARED, protocols: int = ANY) -> Card:
        return self.program().card(READER, share, protocols)

    def eject(self) -> None:
        self.server.eject(0)
        self.program().await_card(READER, present=False)

    def insert(self, card: ReaderTestCard | None = None) -> None:
        self.server.insert(0, card)
        self.program().await_card(READER, present=True)

    def close(self) -> None:
        self._stack.close()


def everything(card: Card) -> Seen:
    """What each function says of this handle."""
    return [
        card.transmit(COMMAND),
        card.status(),
        card.attribute(0x90303),
        card.control(0x42000D48),
        card.control(0x42000777),
        card.set_attribute(0x10100, b"x"),
    ]


# ---- scenarios: each returns what its programs have seen ----------------------------------------------------------------------


def wrong_arguments(stage: Stage) -> Seen:
    seen: Seen = []
    for share in (0, 1, 2, 3, 4):
        for wanted in (0, 8, 0x1000):
            program = Program()
            seen += [program.connect(READER, share, wanted)[:2], program.release()]
    program = stage.program()
    seen += [program.connect(name)[0] for name in ("", "secmod reader 0", "x" * 127, "x" * 128, "x" * 129)]
    card = stage.card()
    seen += [card.reconnect(share, ANY) for share in (0, 4)]
    seen += [card.reconnect(SHARED, ANY, initialization) for initialization in (3, 4, 99)]
    seen += [card.reconnect(SHARED, 0), card.reconnect(SHARED, 8), card.end(7), card.disconnect(7), card.end(), card.begin()]
    seen += [card.end(EJECT), card.disconnect(), card.disconnect(), card.transmit(COMMAND)[0], card.status()[0]]
    return [*seen, program.valid(), program.release(), program.valid(), program.connect(READER)[0]]


def protocols(stage: Stage) -> Seen:
    seen: Seen = []
    for card in (ReaderTestCard(ATR), ReaderTestCard(ATR_T0, "T0"), ReaderTestCard(ATR_T1), ReaderTestCard(b"\x3b\x00", "T0")):
        stage.eject()
        stage.insert(card)
        for wanted in (T0, T1, ANY, RAW, 0x1000, T0 | RAW, 8, ANY | 8):
            rv, active, first = stage.program().connect(READER, SHARED, wanted)
            seen.append((card.atr.hex(), wanted, rv, active))
            if rv == "ok":
                seen += [first.transmit(COMMAND, protocol=sent) for sent in (T0, T1, RAW, 0, 8, 0x1000)]
                seen += [stage.program().connect(READER, SHARED, other)[:2] for other in (T0, T1, ANY, RAW)]
                seen += [first.attribute(0x80201), first.status(), first.reconnect(SHARED, T0, RESET)]
                seen += [first.reconnect(SHARED, T1), first.reconnect(SHARED, T1, UNPOWER), first.transmit(COMMAND)]
                seen.append(first.disconnect(RESET))
    return seen


def direct_connection(stage: Stage) -> Seen:
    stage.eject()
    card = stage.card(DIRECT, 0)
    seen = [*everything(card), card.reconnect(), card.reconnect(DIRECT, 0), card.reconnect(SHARED, ANY, RESET)]
    stage.insert()
    seen += [*everything(card), card.reconnect(DIRECT, 0), *everything(card), card.reconnect(), *everything(card)]
    return [*seen, card.transmit(COMMAND, protocol=RAW), card.reconnect(DIRECT, RAW), card.transmit(COMMAND), card.disconnect()]


def sharing(stage: Stage) -> Seen:
    one, two = stage.program(), stage.program()
    first = one.card(READER)
    seen: Seen = [two.connect(READER, share)[0] for share in (EXCLUSIVE, SHARED)]
    seen += [one.change(READER), first.reconnect(EXCLUSIVE), two.release(), first.reconnect(EXCLUSIVE), one.change(READER)]
    two = stage.program()
    seen += [two.connect(READER, share)[0] for share in (EXCLUSIVE, SHARED, DIRECT)]
    seen += [*everything(first), first.begin(), first.begin(), first.end(), first.end(), first.end(), first.disconnect()]
    seen += [one.change(READER), two.connect(READER)[0], two.change(READER)]
    exclusive = two.release(), stage.card(EXCLUSIVE)
    return [*seen, exclusive[0], *everything(exclusive[1]), exclusive[1].disconnect(RESET)]


def resets(stage: Stage) -> Seen:
    """Whoever resets, the others learn it from each function until they reconnect."""

    def in_transaction(card: Card, disposition: int) -> Seen:
        return [card.begin(), card.end(disposition)]

    ways: list[Callable[[Card, int], Any]] = [
        lambda card, disposition: card.reconnect(SHARED, ANY, disposition),
        lambda card, disposition: card.disconnect(disposition),
        lambda card, disposition: card.end(disposition),
        in_transaction,
    ]
    seen: Seen = []
    for way in ways:
        for disposition in (LEAVE, RESET, UNPOWER, EJECT):
            one, two = stage.card(), stage.card()
            seen += [way(one, disposition), *everything(two), two.begin(), two.end(), *everything(one), one.end()]
            seen += [two.reconnect(), *everything(two), two.reconnect(SHARED, ANY, RESET), *everything(two)]
            seen += [one.disconnect(), two.disconnect()]
    return seen


def removals(stage: Stage) -> Seen:
    one, two, program = stage.card(), stage.card(), stage.program()
    seen: Seen = [one.begin(), program.change(READER)[0]]
    stage.eject()
    flags, empty = program.change(READER)[1:3]
    seen += [flags, *everything(one), *everything(two), one.end(), one.begin(), two.reconnect()]
    seen += [two.reconnect(SHARED, ANY, RESET), *everything(one), one.reconnect(DIRECT, 0), program.connect(READER)[0]]
    stage.insert(ReaderTestCard(ATR_T1))
    flags, full, atr = program.change(READER)[1:]
    seen += [full - empty, flags, atr, *everything(one), one.reconnect(), *everything(one), two.status(), two.disconnect()]
    stage.eject()
    stage.insert()
    return [*seen, program.change(READER)[2] - full, one.disconnect(UNPOWER), one.disconnect()]


def transactions(stage: Stage) -> Seen:
    one, two = stage.card(), stage.card()
    seen: Seen = [one.end(), one.begin(), one.begin(), one.begin(), one.end(), two.control(0x42000D48), two.attribute(0x90303)]
    seen += [two.set_attribute(0x10100, b"x"), two.end(), two.end(RESET), one.transmit(COMMAND), one.end(), one.end(), one.end()]
    for release in (Card.end, Card.disconnect):
        one.begin()
        late: Seen = []
        thread = threading.Thread(target=lambda: late.append(stage.program().connect(READER)[0]))  # noqa: B023
        thread.start()  # waits, unless it comes when all is over
        seen += [one.transmit(COMMAND), two.transmit(COMMAND), two.status(), two.reconnect(), release(one)]
        thread.join(20)
        seen += late
        one = stage.card()
    return [*seen, two.begin(), two.end()]


def a_program_that_leaves_within_a_transaction(stage: Stage) -> Seen:
    seen: Seen = []
    two = stage.card()
    for begin, share in ((True, SHARED), (False, SHARED), (True, DIRECT)):
        program = stage.program()
        one = program.card(READER, share)
        seen.append(one.begin() if begin else "ok")
        seen += [program.release(), two.transmit(COMMAND), two.reconnect(), two.transmit(COMMAND)]
    two.disconnect()
    program = stage.program()
    program.card(READER, EXCLUSIVE)
    seen.append(program.release())
    return seen


def lengths(stage: Stage) -> Seen:
    card = stage.card()
    seen: Seen = [card.transmit(bytes(length)) for length in (0, 1, 2, 3, 4, 5)]
    seen += [card.transmit(bytes.fromhex("8010000002ABCD"), room) for room in (0, 1, 2, 4, 5, 6)]
    for length in (65548, 65549, 65600):
        seen.append(card.transmit(bytes.fromhex("80120100").ljust(length, b"x")))
    seen += [card.transmit(bytes.fromhex("8012FFFF"), room) for room in (65536, 65537, 65548)]
    seen += [
        card.control(0x42000D48, b"x" * length, room) for length, room in ((0, 0), (0, 17), (0, 18), (65548, 300), (65549, 300))
    ]
    seen += [card.attribute(0x10101, room) for room in (0, 1, 22, 23, 264, 265)]
    return [*seen, card.transmit(COMMAND)]


def attributes_and_controls(stage: Stage) -> Seen:
    card = stage.card()
    identifiers = [0x10100, 0x10101, 0x10102, 0x10103, 0x20110, 0x80201, 0x90300, 0x90301, 0x90303, 0x0303, 0x7A007]
    identifiers += [0x7FFF0003, 0x7FFF0004, 0x0FAC, 0x0FAD, 0x0FAE, 0x0FAF, 0x0FB1, 0x0FB0, 0, 0x10104, 0xFFFFFFFF]
    codes = [0x42000D48, 0x4200400A, 0x42004012, 0x42000001, 0x42000000, 0, 0xFFFFFFFF, 0x42004001]
    seen: Seen = [card.attribute(identifier) for identifier in identifiers]
    seen += [card.control(code, data) for code in codes for data in (b"", b"\x01\x02")]
    return [*seen, *(card.set_attribute(identifier, b"x") for identifier in identifiers)]


def a_mute_card(stage: Stage) -> Seen:
    stage.eject()
    mute = MuteCard()
    stage.insert(mute)
    program = stage.program()
    seen: Seen = [program.change(READER)[1], program.connect(READER)[0], program.connect(READER, DIRECT, 0)[0]]
    mute.speaks = True
    card = stage.card()
    seen += [*everything(card)]
    mute.speaks = False
    seen += [card.reconnect(SHARED, ANY, RESET), *everything(card), card.reconnect(), program.change(READER)[1]]
    mute.speaks = True
    seen += [card.reconnect(SHARED, ANY, RESET), *everything(card)]
    mute.speaks = False
    seen += [card.begin(), card.end(RESET), *everything(card), card.disconnect(RESET), program.connect(READER)[0]]
    mute.speaks = True
    return [*seen, stage.program().connect(READER)[0]]


def a_card_that_fails(stage: Stage) -> Seen:
    card = stage.card()
    return [card.transmit(bytes.fromhex("80160000")), *everything(card), card.begin(), card.end(), card.disconnect()]


def waiting(stage: Stage) -> Seen:
    program, other = stage.program(), stage.program()
    rv, flags, events, _ = program.change(READER)
    seen: Seen = [
        rv,
        flags,
        program.change(READER, flags | events << 16, 30)[0],
        program.change("nobody", 0, 30)[0],
        program.cancel(),
    ]
    heard: Seen = []
    for end in (program.cancel, stage.eject, stage.insert):
        rv, flags, events, _ = other.change(READER)
        thread = threading.Thread(target=lambda: heard.append(program.change(READER, flags | events << 16, 20_000)[:2]))  # noqa: B023
        thread.start()
        while thread.is_alive() and end() not in {None, "INVALID_HANDLE"}:  # cancelling before it waits has no effect
            thread.join(0.01)
        thread.join(20)
    return seen + heard


def many_handles(stage: Stage) -> Seen:
    program = stage.program()
    cards = [program.connect(READER) for _ in range(201)]
    seen: Seen = [cards[199][0], cards[200][0], cards[199][2].transmit(COMMAND), program.release()]
    return [*seen, stage.program().connect(READER)[0]]


SCENARIOS = [
    wrong_arguments,
    protocols,
    direct_connection,
    sharing,
    resets,
    removals,
    transactions,
    a_program_that_leaves_within_a_transaction,
    lengths,
    attributes_and_controls,
    a_mute_card,
    a_card_that_fails,
    waiting,
    many_handles,
]


@pytest.fixture
def play(use_here: Callable[[Any], None]) -> Callable[..., Seen]:
    """Plays a scenario on one of the services, from an empty directory to an empty directory."""

    def run(kind: str, scenario: Callable[[Stage], Seen]) -> Seen:
        with ExitStack() as stack:
            if kind == "direct":
                service = stack.enter_context(DirectService())
                server: Server | DirectServer = service.server
                server.insert(0, ReaderTestCard())
            else:
                service = stack.enter_context(PrivatePcscd())
                server = stack.enter_context(Server([Slot(ReaderTestCard(), service.sockets[0])]))
            use_here(service)
            stage = Stage(service, server)
            stack.callback(stage.close)
            stage.program().await_card(READER, present=True)
            return scenario(stage)

    return run


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_a_program_sees_no_difference(scenario: Callable[[Stage], Seen], play: Callable[..., Seen]) -> None:
    assert play("direct", scenario) == play("pcscd", scenario)
