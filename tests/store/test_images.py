# SPDX-License-Identifier: Apache-2.0
"""Stores of every format there has been: they open for ever, and hold what they held."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from secmod.emulator import build_card
from secmod.store import FORMAT, Store, upkeep
from tests.card.module import Module
from tests.card.pki import date, root
from tests.images import make

IMAGES = sorted(make.FOLDER.glob("format-*"))


def opened(image: Path, tmp_path: Path) -> Store:
    """The image, in a place where stores may be: git keeps no permissions."""
    place = tmp_path / "store"
    place.mkdir(mode=0o700)
    for name in make.KEPT:
        shutil.copyfile(image / name, place / name)
        (place / name).chmod(0o600)
    return Store.open(place)


def test_there_is_one_of_this_format() -> None:
    assert make.FOLDER / f"format-{FORMAT}" in IMAGES


@pytest.mark.parametrize("image", IMAGES, ids=lambda path: path.name)
def test_it_opens_and_holds_what_it_held(image: Path, tmp_path: Path) -> None:
    with opened(image, tmp_path) as store:
        assert upkeep.check(store).damaged == ()
        card = build_card("tr03109_2", store=store.module(0))
        card.power_on()
        facts = card.facts()
        assert facts["phase"]["letter"] == "V"
        assert [entry["tries_left"] for entry in facts["passwords"]] == [9, 10]
        states = {entry["reference"]: entry["state"] for entry in facts["private_keys"]}
        assert (states["81"], states["82"], states["83"]) == ("deactivated", "empty", "active")
        assert card.clock.now == date(2025)
        module = Module(card=card)
        assert module.say("0046818100").endswith("9000")
        assert module.say("002241B606840183800100") == "9000"
        assert module.say("002A9E9A20" + "11" * 32 + "00").endswith("9000")
        assert module.say("00A4040C09F05452303331303932") == "9000"
        assert module.say("00B08B0000")[:10] == b"METER".hex().upper()
        assert card._state.tree.public_key(0xC0)._content.certified.subject == root().name.public_bytes()
        other = build_card("open", store=store.module(1))
        other.power_on()
        assert other.transmit(bytes.fromhex("0046818700")).hex() == "6400"
        store.restore("whole")
        other.power_off()
        other.power_on()
        assert other.transmit(bytes.fromhex("0046818700"))[-2:] == b"\x90\x00"


def test_the_script_still_makes_one(tmp_path: Path) -> None:
    make.make(tmp_path / "store")
    with Store.open(tmp_path / "store") as store:
        assert upkeep.check(store).damaged == ()
