# SPDX-License-Identifier: Apache-2.0
"""`make secrets`: what is left of private keys, PINs and session keys once they have gone, in memory and in every file.

`secmod serve` runs as it is, with everything logged, and this process plays its driver and a terminal that is no code of ours
(tests/card/talk.py), which knows the PINs and computes the session keys by itself.  Private keys are known to nobody: while a key
lives, its scalar is found in the emulator's memory beside its public point, and is the right one if multiplying it gives that
point.  So every key is seen by the scanner before it must be gone.
"""

from __future__ import annotations

import base64
import contextlib
import io
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.campaigns import needles
from tests.campaigns.emulator import Emulator
from tests.campaigns.needles import Needle
from tests.campaigns.report import Report, main
from tests.campaigns.scan import Hit, Scanner, memory
from tests.card.talk import CURVES, SUITES, Curve, Handshake, Terminal, apdu, do, undo
from tests.reference.pace import derive

CHOSEN = ("brainpoolP256r1", "brainpoolP384r1", "brainpoolP512r1", "secp256r1", "secp384r1")
STATIC, ANY_CURVE, EPHEMERAL = tuple(range(0x81, 0x87)), tuple(range(0x87, 0x8B)), tuple(range(0x91, 0x99))
LONG, SHORT = 1000, 36  # keys
AROUND = 256  # bytes before and after a public point in which its scalar is looked for

_KINDS = {
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(),
    "brainpoolP512r1": ec.BrainpoolP512R1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
}


def point_of(curve: str, scalar: int) -> bytes:
    """The public key of a scalar, by OpenSSL."""
    return ec.derive_private_key(scalar, _KINDS[curve]).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def scalar_beside(pid: int, curve: Curve, point: bytes, known: list[int]) -> int | None:
    """The private key of a point that lives in a process; `known` are distances at which others were found."""
    scanner = Scanner([Needle("point", "bytes", point[1:33])])
    beside = [
        (data[max(0, hit.offset - 1 - AROUND) : hit.offset + AROUND + curve.size], min(hit.offset - 1, AROUND))
        for region, _, data in memory(pid)
        if region.is_vault
        for hit in scanner.in_bytes(data, "", 0)
    ]
    for distances in (known, range(-AROUND, AROUND)):
        for piece, at in beside:
            for distance in distances:
                scalar = int.from_bytes(piece[max(0, at + distance) : max(0, at + distance) + curve.size], "big")
                if 0 < scalar < curve.n and point_of(curve.name, scalar) == point:
                    known[:] = {*known, distance}
                    return scalar
    return None


@dataclass
class Secrets:
    """What the outside knows: needles of what lives and of what has gone, by the kind of secret."""

    living: dict[int, list[Needle]] = field(default_factory=dict)
    gone: dict[str, list[Needle]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    distances: list[int] = field(default_factory=list)

    def add(self, kind: str, found: Iterator[Needle]) -> None:
        """A secret of this kind has gone, or must be nowhere at all."""
        self.counts[kind] += 1
        self.gone.setdefault(kind, []).extend(found)

    def end(self, reference: int) -> None:
        """The key in this place has gone."""
        self.gone.setdefault("private keys", []).extend(self.living.pop(reference, []))


class Round:
    """A session: keys are made, seen, used, and go in one of many ways."""

    def __init__(self, emulator: Emulator, pin: str, choice: random.Random, secrets: Secrets) -> None:
        self.emulator = emulator
        self.pin = pin
        self.choice = choice
        self.secrets = secrets
        self.talk = Terminal(emulator)
        self.strays: list[Hit] = []  # of living keys, outside of the vault

    def say(self, command: bytes | str, sw: str = "9000") -> bytes:
        """A command under secure messaging, with the answer that it must have."""
        with contextlib.redirect_stdout(io.StringIO()):
            answer = self.talk.send(command)
        assert answer.sw == sw, f"{bytes.fromhex(command) if isinstance(command, str) else command!r}: {answer}"
        return answer.data

    def open(self, password: str, reference: int, name: str) -> None:
        """PACE; all that the terminal knows of it is remembered."""
        suite = self.choice.choice(SUITES)
        with contextlib.redirect_stdout(io.StringIO()):
            run = self.talk.handshake(password, reference, suite)
            assert run.run()[-1].sw == "9000", "PACE"
        self.session = self._needles_of(run, password, name)

    def _needles_of(self, run: Handshake, password: str, name: str) -> list[tuple[str, Iterator[Needle]]]:
        assert run.channel is not None
        size, curve = run.suite.curve.size, run.suite.curve
        key = derive(password.encode(), 3, run.suite.key_bytes)
        shared = curve.shared(run.scalars[1], run.cards_points[-1])
        mapped = curve.shared(run.scalars[0], run.cards_points[0])
        return [
            ("session keys", needles.aes_key(f"{name} KSenc", run.channel.enc)),
            ("session keys", needles.aes_key(f"{name} KSmac", run.channel.mac)),
            ("of PACE", needles.aes_key(f"{name} Kpi", key)),
            ("of PACE", needles.symmetric(f"{name} nonce", run.nonce_key.to_bytes(16, "big"))),
            ("of PACE", needles.symmetric(f"{name} Z", shared)),
            ("of PACE", needles.symmetric(f"{name} H", mapped[:size])),
        ]

    def close(self, way: str) -> None:
        """The session ends, and with it its keys and the ephemeral private keys."""
        with contextlib.redirect_stdout(io.StringIO()):
            if way == "reset":
                self.emulator.reset()
            elif way == "power":
                self.emulator.power_off()
                self.emulator.power_on()
            elif way == "plain command":
                self.talk.plain("00A4000C")
            elif way == "wrong MAC":
                protected = bytearray(self.talk.channel.protect(bytes.fromhex("00CADF2100")))  # type: ignore[union-attr]
                protected[-3] ^= 1
                assert self.talk.plain(bytes(protected)).sw == "6988"
            else:
                raise AssertionError(way)
        self.talk.channel = None
        for reference in EPHEMERAL:
            self.secrets.end(reference)
        for kind, found in self.session:
            self.secrets.add(kind, found)

    def generate(self, reference: int) -> None:
        """A key is in the place, and seen by the scanner; it lives in the vault alone."""
        name = self.choice.choice(CHOSEN) if reference in (*ANY_CURVE, *EPHEMERAL) else CHOSEN[0]
        curve = CURVES[name]
        data = do(0x7F49, do(0x06, curve.oid))
        point = undo(undo(self.say(apdu(f"0046C0{reference:02X}", data, 256)), 0x7F49), 0x86)
        self.secrets.end(reference)
        scalar = scalar_beside(self.emulator.pid, curve, point, self.secrets.distances)
        assert scalar is not None, f"the scanner does not find living key {reference:02X} on {name}"
        self.secrets.counts["private keys"] += 1
        label = f"key {self.secrets.counts['private keys']} on {name}"
        self.secrets.living[reference] = list(needles.private_key(label, scalar, curve.n, curve.size))

    def use(self, reference: int) -> None:
        """The key signs, or agrees a value."""
        if reference in EPHEMERAL:
            self.say(apdu("002241A6", do(0x84, bytes([reference])) + do(0x80, b"\x0b")))
            name = next(n for n in CHOSEN if self.secrets.living[reference][0].secret.endswith(n))
            curve = CURVES[name]
            own = ec.generate_private_key(_KINDS[name])
            point = own.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
            z = undo(undo(self.say(apdu("00860000", do(0x7C, do(0x85, point)), 256)), 0x7C), 0x86)
            assert len(z) == curve.size
            self.secrets.end(reference)
            self.secrets.add("agreed values", needles.symmetric(f"Z {self.secrets.counts['agreed values']}", z))
        else:
            self.say(apdu("002241B6", do(0x84, bytes([reference])) + do(0x80, b"\x00")))
            self.say(apdu("002A9E9A", self.choice.randbytes(32), 256))

    def see_the_living(self) -> None:
        """Living keys stand in the vault and nowhere else."""
        scanner = Scanner(needle for found in self.secrets.living.values() for needle in found)
        self.strays += [hit for hit in scanner.in_process(self.emulator.pid) if not hit.vault]

    def new_pin(self, *, old: bool) -> None:
        """The PIN has another value; the old one is nowhere any more."""
        fresh = "".join(self.choice.choice("0123456789") for _ in range(self.choice.randint(10, 16)))
        self.say(apdu(f"00240{0 if old else 1}03", ((self.pin if old else "") + fresh).encode()))
        self.secrets.add("PINs", needles.password(f"PIN {self.pin}", self.pin.encode()))
        self.pin = fresh
        self.see_no_pin(fresh)

    def see_no_pin(self, pin: str) -> None:
        """A PIN that has just been set stands in the vault and nowhere else."""
        found = needles.password(f"PIN {pin}", pin.encode())
        self.strays += [hit for hit in Scanner(found).in_process(self.emulator.pid) if not hit.vault]


ENDS = ("reset", "power", "plain command", "wrong MAC")


class Campaign:
    """One emulator, and rounds until enough keys have lived and gone."""

    def __init__(self, report: Report, directory: Path, keys: int, seed: int) -> None:
        self.report = report
        self.directory = directory
        self.log = directory / "log"
        self.store = directory / "store"
        self.planted: dict[str, bool] = {}
        self.keys = keys
        self.choice = random.Random(seed)
        self.secrets = Secrets()
        self.rounds = 0
        self.looks = 0
        self.strays: list[Hit] = []
        self.left: list[Hit] = []

    def run(self) -> None:
        """Everything has lived and gone: `left` is what was found of it, `strays` of the living outside the vault."""
        options = ["--profile", "tr03109_2", "--verbose", "--store", str(self.store)]
        with Emulator(options, log=self.log) as emulator:
            pin, puk = self.deliver(emulator)
            self.plant(emulator, pin)
            self.see_no_store_key(emulator)
            while self.secrets.counts["private keys"] < self.keys:
                pin = self.round(emulator, pin, puk)
            self.terminate(emulator, pin)
            self.look(emulator)
            self.left += self.scanner().in_files([self.directory])
        self.left += self.scanner().in_files([self.directory])

    def deliver(self, emulator: Emulator) -> tuple[str, str]:
        """From the maker's PIN to pre-personalisation; the PIN and the PUK."""
        puk = "".join(self.choice.choice("0123456789") for _ in range(18))
        first = Round(emulator, "0000000000", self.choice, self.secrets)
        first.open("0000000000", 3, "transport session")
        first.new_pin(old=False)
        self.secrets.gone.pop("PINs")  # the maker's value is public
        first.talk.channel = None
        for kind, found in first.session:
            self.secrets.add(kind, found)
        second = Round(emulator, first.pin, self.choice, self.secrets)
        second.open(first.pin, 3, "first session")
        second.say(apdu("00240104", puk.encode()))
        second.say("00DADF210103")
        second.close("reset")
        return second.pin, puk

    def plant(self, emulator: Emulator, pin: str) -> None:
        """What the scanner must find: a key written to a file of the module, in memory and in the store."""
        work = Round(emulator, pin, self.choice, self.secrets)
        work.open(pin, 3, "session with planted keys")
        work.say("00A4040C09F05452303331303932")
        curve = CURVES[CHOSEN[0]]
        scalar = self.choice.randrange(1, curve.n)
        big = scalar.to_bytes(curve.size, "big")
        forms = {"big-endian": big, "little-endian": big[::-1], "hex, small": big.hex().encode(), "base64": base64.b64encode(big)}
        found = list(needles.private_key("planted", scalar, curve.n, curve.size))
        for form, content in forms.items():
            work.say(apdu("00D68C00", content))
            scanner = Scanner(needle for needle in found if needle.form.endswith(form))
            self.planted[f"{form}, in memory"] = bool(scanner.in_process(emulator.pid))
            self.planted[f"{form}, in the store"] = bool(scanner.in_files([self.store]))
        work.say(apdu("00D68C00", bytes(200)))
        work.close("reset")

    def look_at_files(self) -> None:
        """What lives is in no file: neither in the store, nor in its log, nor in the emulator's."""
        living = (needle for found in self.secrets.living.values() for needle in found)
        self.strays += Scanner(living).in_files([self.directory])

    def see_no_store_key(self, emulator: Emulator) -> None:
        """The store's key file was read by the vault alone."""
        found = needles.symmetric("store key", (self.store / "key").read_bytes())
        self.strays += [hit for hit in Scanner(found).in_process(emulator.pid) if not hit.vault]

    def round(self, emulator: Emulator, pin: str, puk: str) -> str:
        """One session with keys, perhaps one with the PUK; the PIN afterwards."""
        self.rounds += 1
        work = Round(emulator, pin, self.choice, self.secrets)
        work.open(pin, 3, f"session {self.rounds}")
        places = self.choice.sample((*STATIC, *ANY_CURVE, *EPHEMERAL), 18)
        for reference in places:
            work.generate(reference)
        self.report.progress(f"{self.secrets.counts['private keys']:,} of {self.keys:,} keys")
        work.see_the_living()
        for reference in places:
            work.use(reference)
        for reference in (*STATIC, *ANY_CURVE):
            if reference in self.secrets.living and self.choice.random() < 0.7:
                work.say(f"00E420{reference:02X}")
                self.secrets.end(reference)
        work.new_pin(old=self.choice.random() < 0.5)
        work.close(self.choice.choice(ENDS))
        if self.choice.random() < 0.3:
            self.unblock(emulator, work, puk)
        self.strays += work.strays
        self.look_at_files()
        self.look(emulator)
        return work.pin

    def unblock(self, emulator: Emulator, work: Round, puk: str) -> None:
        """A new PIN by the PUK."""
        work.open(puk, 4, f"session {self.rounds} by PUK")
        fresh = "".join(self.choice.choice("0123456789") for _ in range(12))
        work.say(apdu("002C0203", fresh.encode()))
        self.secrets.add("PINs", needles.password(f"PIN {work.pin}", work.pin.encode()))
        work.pin = fresh
        work.see_no_pin(fresh)
        work.close("reset")

    def terminate(self, emulator: Emulator, pin: str) -> None:
        """The end of the module's life: every key that is still there goes."""
        last = Round(emulator, pin, self.choice, self.secrets)
        last.open(pin, 3, "last session")
        for reference in (*STATIC, *ANY_CURVE, *EPHEMERAL):
            last.generate(reference)
        last.say("00FE0000")
        last.close("reset")
        for reference in list(self.secrets.living):
            self.secrets.end(reference)

    def scanner(self) -> Scanner:
        """For all that has gone."""
        return Scanner(needle for found in self.secrets.gone.values() for needle in found)

    def look(self, emulator: Emulator) -> None:
        """Looks for all that has gone in the emulator's memory."""
        self.looks += 1
        self.left += self.scanner().in_process(emulator.pid)


def seed() -> int:
    """For the choices of a campaign: SECMOD_SEED of the environment, to make the same ones again, or another each time."""
    return int(os.environ.get("SECMOD_SEED") or random.SystemRandom().getrandbits(32))


def campaign(report: Report, *, long: bool, keys: int | None = None) -> None:
    """Keys live and go; whatever of them, of PINs or of sessions is found afterwards is a failure."""
    chosen = seed()
    with tempfile.TemporaryDirectory(prefix="secmod-secrets-") as directory:
        work = Campaign(report, Path(directory), keys or (LONG if long else SHORT), chosen)
        work.run()
    report.row("SECMOD_SEED of this run", chosen)
    found = sum(work.planted.values())
    report.row("planted keys found", f"{found} of {len(work.planted)}", ", ".join(work.planted), ok=all(work.planted.values()))
    report.row("keys found in the vault while they lived", work.secrets.counts["private keys"])
    report.row("places looked at", work.looks, "times memory, files at the end")
    for kind, found in work.secrets.gone.items():
        names = {needle.secret for needle in found}
        report.row(f"{kind} that have lived and gone", len(names), f"in {len(found):,} pieces")
        tell(report, f"{kind}: hits", [hit for hit in work.left if hit.needle.secret in names])
    tell(report, "living secrets outside the vault", work.strays)


def tell(report: Report, what: str, hits: Sequence[Hit]) -> None:
    """How many, and the most frequent ones by form and place."""
    report.row(what, len(hits), ok=not hits)
    for (form, place), count in Counter((hit.needle.form, hit.place) for hit in hits).most_common(5):
        report.row(f"    {form} in {place}", count)


if __name__ == "__main__":
    main("Secrets that have gone: what is left of them", campaign)
