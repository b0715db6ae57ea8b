# SPDX-License-Identifier: Apache-2.0
"""The short forms of `make crash`, and that its instruments find what they are made to find."""

from __future__ import annotations

import random
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from secmod.emulator import build_card
from secmod.host import SecurityModule
from secmod.profile import load_profile
from secmod.transport.local import LocalTransport
from tests.campaigns.crash import Book, RandomKills, tell_kills
from tests.campaigns.crash_calls import report_calls
from tests.campaigns.crash_compare import report_compare
from tests.campaigns.crash_power import report_power
from tests.campaigns.crash_serve import ServeKills
from tests.campaigns.facts import Facts, facts_of
from tests.campaigns.load import PIN, PROFILE, TRANSPORT, Load, Operation
from tests.campaigns.report import Report
from tests.card.authority import Chain

SEED = 20_261_123


def bad(report: Report) -> list[str]:
    return [f"{row.what}: {row.value}" for row in report.failures]


def test_the_load_keeps_book_of_a_whole_life() -> None:
    """Without a store: what the client believes is what the card is, after each operation."""
    card = build_card(PROFILE)
    module = SecurityModule(LocalTransport(card), load_profile(PROFILE))
    facts = facts_of(card, {PIN: (TRANSPORT,)})
    load = Load(random.Random(SEED), Chain(), 120)
    seen = set()
    while (operation := load.next(facts)) is not None:
        facts = operation.done(facts, operation.run(module))
        load.did(operation)
        seen.add(operation.name)
        guesses = {reference: (password.value or "",) for reference, password in facts.passwords.items()}
        assert not facts.differences(facts_of(card, guesses)), operation.name
    assert {"PACE", "PACE, wrong", "generate key pair", "update binary", "verify certificate", "terminate card usage"} <= seen


@pytest.fixture
def facts() -> Facts:
    card = build_card(PROFILE)
    card.power_on()
    return facts_of(card, {PIN: (TRANSPORT,)})


def test_the_book_finds_what_is_lost_half_done_or_too_high(facts: Facts) -> None:
    less, least = (facts.with_password(PIN, tries=tries) for tries in (9, 8))
    operation = Operation("a wrong try", lambda _: None, lambda _: [least], lambda *_: least)
    for found, verdict in (
        (less, None),
        (least, None),
        (facts, "counter"),
        (replace(less, phase="G"), "half done"),
        (less.with_file("EF.DATA", b"x"), "half done"),
    ):
        book = Book(less, [], [facts])
        book.began(operation)
        told = book.found(found)
        assert (told and told.split(":")[0]) == verdict
    moved = replace(less, phase="G")
    assert (Book(moved, [], [less]).found(less) or "").startswith("lost")


def test_random_kills(tmp_path: Path) -> None:
    report = Report("short")
    work = RandomKills(report, [tmp_path], 25, SEED)
    work.run()
    tell_kills(report, "random kills", work)
    assert work.killed.total() >= 25
    assert not bad(report), work.wrong


def test_kills_at_comparisons(tmp_path: Path) -> None:
    report = Report("short")
    report_compare(report, tmp_path)
    assert len(report.rows) == 6
    assert not bad(report)


def test_kills_of_serve() -> None:
    report = Report("short")
    with tempfile.TemporaryDirectory(prefix="secmod-crash-") as directory:
        work = ServeKills(report, Path(directory), 2, SEED)
        work.run()
    tell_kills(report, "secmod serve", work)
    assert not bad(report), work.wrong


def test_failures_at_calls(capfd: pytest.CaptureFixture[str]) -> None:
    report = Report("short")
    report_calls(report, SEED, long=False)
    assert not bad(report), capfd.readouterr().err


def test_power_cuts(capfd: pytest.CaptureFixture[str]) -> None:
    """With durability "fast" changes are lost, so the disks are such that losses show."""
    report = Report("short")
    report_power(report, SEED, long=False)
    assert not bad(report), capfd.readouterr().err
