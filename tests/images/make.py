# SPDX-License-Identifier: Apache-2.0
"""Makes the image of a store of this format: `python -m tests.images.make`.  Once for each format; the outcome is kept for ever.

What is in it, tests/store/test_images.py knows.  The key file is no secret: it is the same for all images.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from secmod.apdu import CommandApdu
from secmod.card import Card
from secmod.emulator import build_card
from secmod.store import FORMAT, Store
from secmod.testing import PASSWORDS
from tests.card.module import Module
from tests.card.pki import root

FOLDER = Path(__file__).parent
KEY = bytes(range(32))
KEPT = ("store.db", "generation", "key")


def make(place: Path) -> None:
    """A store of two modules, made by their commands."""
    place.mkdir(mode=0o700)
    (place / "key").write_bytes(KEY)
    (place / "key").chmod(0o600)
    with Store.open(place) as store:
        _personalise(build_card("tr03109_2", store=store.module(0)))
        other = build_card("open", store=store.module(1))
        other.power_on()
        assert other.transmit(bytes.fromhex("0046C08700"))[-2:] == b"\x90\x00"
        store.snapshot("whole")
        assert other.transmit(bytes.fromhex("00E42087"))[-2:] == b"\x90\x00"


def _personalise(card: Card) -> None:
    """Phase V: passwords, one wrong try, two keys, a file, a trust anchor and the date that it proves."""
    card.prepare("V", {name: value.encode() for name, value in PASSWORDS.items()})
    card.power_on()
    module = Module(card=card)
    for command in ("00A4040C09F05452303331303932", "0046848100", "0046848300", "00442083", "00D68B00054D45544552"):
        assert module.say(command).endswith("9000"), command
    certificate = CommandApdu(0x00, 0x2A, 0x00, 0xBE, bytes.fromhex("B6038301C0") + root().certificate)
    assert module.send(certificate) == b"\x90\x00"
    try:
        Module(card=card, session=False).pace(value="0987654321")
    except AssertionError:
        return  # the wrong try
    raise AssertionError("a wrong password opened a session")


def main() -> None:
    """Makes the image, if there is none of this format yet."""
    target = FOLDER / f"format-{FORMAT}"
    if target.exists():
        sys.exit(f"{target} is there already, and stays as it is")
    with tempfile.TemporaryDirectory() as folder:
        make(Path(folder) / "store")
        target.mkdir()
        for name in KEPT:
            shutil.copyfile(Path(folder) / "store" / name, target / name)


if __name__ == "__main__":
    main()
