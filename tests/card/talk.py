# SPDX-License-Identifier: Apache-2.0
"""The terminal's side of PACE and secure messaging for tests, in plain Python and independent of the host's code.

Curves come from the `ecdsa` package, secure messaging from the twin in tests/reference.  A `Terminal` talks to anything with
`transmit(bytes) -> bytes` and prints its dialogue, which pytest shows when a test fails.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import ecdsa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from ecdsa.ellipticcurve import INFINITY, PointJacobi

from tests.reference import securemessaging, tlv
from tests.reference.pace import derive

BLOCK = 16


class Device(Protocol):
    """What a terminal needs of a card."""

    def transmit(self, command: bytes, /) -> bytes: ...


@dataclass(frozen=True)
class Curve:
    """A named curve: object identifier (value octets) and the numbers of it."""

    name: str
    oid: bytes
    known: Any

    @property
    def size(self) -> int:
        return (int(self.known.curve.p()).bit_length() + 7) // 8

    @property
    def p(self) -> int:
        return int(self.known.curve.p())

    @property
    def n(self) -> int:
        return int(self.known.order)

    @property
    def generator(self) -> PointJacobi:
        return self.known.generator

    def octets(self, point: PointJacobi) -> bytes:
        return b"\x04" + int(point.x()).to_bytes(self.size, "big") + int(point.y()).to_bytes(self.size, "big")

    def point(self, octets: bytes) -> PointJacobi:
        assert len(octets) == 1 + 2 * self.size
        assert octets[0] == 4
        x, y = (int.from_bytes(part, "big") for part in (octets[1 : 1 + self.size], octets[1 + self.size :]))
        assert self.known.curve.contains_point(x, y)
        return PointJacobi(self.known.curve, x, y, 1)

    def scalar(self) -> int:
        return 1 + secrets.randbelow(self.n - 1)

    def public(self, scalar: int) -> bytes:
        return self.octets(self.generator * scalar)

    def shared(self, scalar: int, octets: bytes) -> bytes:
        return int((self.point(octets) * scalar).x()).to_bytes(self.size, "big")


CURVES = {
    name: Curve(name, bytes.fromhex(oid), known)
    for name, oid, known in (
        ("brainpoolP256r1", "2B2403030208010107", ecdsa.BRAINPOOLP256r1),
        ("brainpoolP384r1", "2B240303020801010B", ecdsa.BRAINPOOLP384r1),
        ("brainpoolP512r1", "2B240303020801010D", ecdsa.BRAINPOOLP512r1),
        ("secp256r1", "2A8648CE3D030107", ecdsa.NIST256p),
        ("secp384r1", "2B81040022", ecdsa.NIST384p),
    )
}


@dataclass(frozen=True)
class Suite:
    """A PACE protocol: object identifier (value octets), curve, length of the AES keys in bytes."""

    name: str
    oid: bytes
    curve: Curve
    key_bytes: int


SUITES = tuple(
    Suite(f"aes{8 * key_bytes}", bytes.fromhex("04007F000702020402") + bytes([last]), CURVES[curve], key_bytes)
    for last, curve, key_bytes in ((2, "brainpoolP256r1", 16), (3, "brainpoolP384r1", 24), (4, "brainpoolP512r1", 32))
)


# ---- data objects and APDUs ----


def do(tag: int, *values: bytes) -> bytes:
    """A data object with these values, joined."""
    value = b"".join(values)
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + tlv.length_octets(len(value)) + value


def undo(data: bytes, tag: int) -> bytes:
    """The value of the one object that `data` is, which has this tag."""
    objects = tlv.parse_all(data)
    assert objects is not None
    assert [entry[0] for entry in objects] == [tag], data.hex()
    return objects[0][1]


def apdu(header: str, data: bytes = b"", ne: int = 0) -> bytes:
    """A plain command: hexadecimal header, data field, expected length; extended only where it must be."""
    head = bytes.fromhex(header)
    assert len(head) == 4
    if len(data) < 256 and ne <= 256:
        return head + (bytes([len(data)]) + data if data else b"") + (bytes([ne % 256]) if ne else b"")
    lc = b"\x00" + len(data).to_bytes(2, "big") + data if data else b""
    le = (ne % 65536).to_bytes(2, "big") if ne else b""
    return head + (lc + le if data else b"\x00" + le)


@dataclass(frozen=True)
class Answer:
    """A response: data, status word as four digits, and whether it came with a right MAC."""

    data: bytes
    sw: str
    protected: bool

    @property
    def tries(self) -> int:
        """What 63Cx counts."""
        assert self.sw.startswith("63C"), self.sw
        return int(self.sw[3], 16)

    @classmethod
    def of(cls, raw: bytes, *, protected: bool = False) -> Answer:
        assert len(raw) >= 2, raw.hex()
        answer = cls(raw[:-2], raw[-2:].hex().upper(), protected)
        assert not (answer.data and answer.sw[0] == "6" and answer.sw[:2] not in ("61", "62", "63")), raw.hex()
        return answer


# ---- secure messaging ----


class Channel(securemessaging.Twin):
    """Session keys and counter; what it sends can be changed under the MAC."""

    @property
    def keys(self) -> tuple[bytes, bytes]:
        return self.enc, self.mac

    def protect(
        self,
        plain: bytes,
        *,
        change: Callable[[list[bytes]], list[bytes]] | None = None,
        cla: int | None = None,
        short: bool | None = None,
    ) -> bytes:
        """The protected command; `change` alters the list of objects under the MAC, `cla` is another class byte under the MAC.

        The outer form is short if `short`, or else if command and answer fit into that.
        """
        command = securemessaging.case(plain)
        self.count()
        le = self.le_value(plain, command)
        objects = [self.data_object(command.data, odd=bool(command.ins & 1)), do(0x97, le) if le else b""]
        covered = b"".join(change([entry for entry in objects if entry]) if change else objects)
        header = bytes([plain[0] | 0x0C if cla is None else cla]) + plain[1:4]
        return self.command_of(header, covered, command.ne > 223 if short is None else not short)

    def unprotect(self, raw: bytes, *, odd: bool) -> Answer:
        """The plain answer; an assertion fails if anything about the protection is wrong."""
        plain = self.unprotect_response(raw, odd)
        assert plain is not None, raw.hex()
        return Answer.of(plain, protected=True)


# ---- PACE ----


class Handshake:
    """One run of PACE, step by step: each step sends its APDU and returns the answer."""

    def __init__(self, terminal: Terminal, suite: Suite, password: str | bytes, reference_: int = 3) -> None:
        self.terminal = terminal
        self.suite = suite
        self.reference = reference_
        secret = password.encode() if isinstance(password, str) else password
        self.key = derive(secret, 3, suite.key_bytes)
        self.nonce_key = 0
        self.scalars = [suite.curve.scalar(), suite.curve.scalar()]
        self.generator: PointJacobi = suite.curve.generator
        self.points: list[bytes] = []
        self.cards_points: list[bytes] = []
        self.channel: Channel | None = None

    def select(self, extra: bytes = b"") -> Answer:
        """MSE:Set AT."""
        data = do(0x80, self.suite.oid) + do(0x83, bytes([self.reference])) + extra
        return self.terminal.plain(apdu("0022C1A4", data))

    def nonce(self) -> Answer:
        answer = self._step(b"", chain=True)
        if answer.sw == "9000":
            z = undo(undo(answer.data, 0x7C), 0x80)
            assert len(z) == BLOCK
            plain = Cipher(algorithms.AES(self.key), modes.CBC(bytes(BLOCK))).decryptor().update(z)
            self.nonce_key = int.from_bytes(plain, "big")
        return answer

    def map(self, point: bytes | None = None) -> Answer:
        """Step 2, with the terminal's mapping key, or these octets in its place."""
        own = self._own_point()
        answer = self._step(do(0x81, own if point is None else point), chain=True)
        if answer.sw == "9000":
            card = undo(undo(answer.data, 0x7C), 0x82)
            curve = self.suite.curve
            self.generator = curve.generator * self.nonce_key + curve.point(card) * self.scalars[0]
            assert self.generator != INFINITY
            self.cards_points.append(card)
        return answer

    def agree(self, point: bytes | None = None) -> Answer:
        """Step 3, on the mapped generator."""
        own = self._own_point()
        answer = self._step(do(0x83, own if point is None else point), chain=True)
        if answer.sw == "9000":
            card = undo(undo(answer.data, 0x7C), 0x84)
            secret = self.suite.curve.shared(self.scalars[1], card)
            self.channel = Channel(*(derive(secret, counter, self.suite.key_bytes) for counter in (1, 2)))
            self.cards_points.append(card)
        return answer

    def token(self, change: Callable[[bytes], bytes] | None = None, *, chain: bool = False) -> Answer:
        """Step 4; the terminal has the channel if the card's token is right."""
        token = self._token(self.cards_points[-1]) if self.channel else bytes(8)
        answer = self._step(do(0x85, change(token) if change else token), chain=chain)
        if answer.sw == "9000":
            assert undo(undo(answer.data, 0x7C), 0x86) == self._token(self.points[-1])
            self.terminal.channel = self.channel
        return answer

    def run(self) -> list[Answer]:
        """All five commands."""
        answers = [self.select()]
        for step in (self.nonce, self.map, self.agree, self.token):
            if answers[-1].sw == "9000" or len(answers) == 1:
                answers.append(step())
        return answers

    def _own_point(self) -> bytes:
        scalar = self.scalars[len(self.points)] if len(self.points) < 2 else self.suite.curve.scalar()
        self.points.append(self.suite.curve.octets(self.generator * scalar))
        return self.points[-1]

    def _token(self, point: bytes) -> bytes:
        assert self.channel
        return securemessaging.cmac(self.channel.mac, do(0x7F49, do(0x06, self.suite.oid), do(0x86, point)))[:8]

    def _step(self, content: bytes, *, chain: bool) -> Answer:
        return self.terminal.plain(apdu("10860000" if chain else "00860000", do(0x7C, content), 256))


class Terminal:
    """Talks to a card in plain, or through the channel that PACE has opened."""

    def __init__(self, card: Device) -> None:
        self.card = card
        self.channel: Channel | None = None

    def raw(self, command: bytes | str) -> bytes:
        """Sent as it is; the answer as it comes."""
        octets = bytes.fromhex(command) if isinstance(command, str) else command
        print(">", octets.hex().upper())  # noqa: T201  (the dialogue, for failing tests)
        answer = self.card.transmit(octets)
        print("<", answer.hex().upper())  # noqa: T201
        return answer

    def plain(self, command: bytes | str) -> Answer:
        """A command in plain."""
        return Answer.of(self.raw(command))

    def send(self, command: bytes | str, **mutations: Any) -> Answer:
        """A plain command, sent under secure messaging; the answer must be protected and right."""
        answer = self.attempt(command, **mutations)
        assert answer.protected, answer
        return answer

    def attempt(self, command: bytes | str, **mutations: Any) -> Answer:
        """The same, but the card may end the session and answer in plain."""
        octets = bytes.fromhex(command) if isinstance(command, str) else command
        assert self.channel, "no session is open"
        print("#", octets.hex().upper())  # noqa: T201
        raw = self.raw(self.channel.protect(octets, **mutations))
        if len(raw) == 2:
            self.channel = None
            return Answer.of(raw)
        answer = self.channel.unprotect(raw, odd=bool(octets[1] & 1))
        print("#", answer)  # noqa: T201
        return answer

    def handshake(self, password: str = "1234567890", reference_: int = 3, suite: Suite = SUITES[0]) -> Handshake:  # noqa: S107
        """A PACE run to be made step by step."""
        return Handshake(self, suite, password, reference_)

    def pace(self, password: str = "1234567890", reference_: int = 3, suite: Suite = SUITES[0]) -> Answer:  # noqa: S107
        """A whole PACE run; the answer that ended it."""
        return self.handshake(password, reference_, suite).run()[-1]

    def reset(self) -> None:
        """A warm reset of the card; the channel is gone."""
        self.card.reset()  # type: ignore[attr-defined]
        self.channel = None

    @property
    def alive(self) -> bool:
        """Whether the session still works: a protected READ BINARY of one byte by SFI (the sheet's PING)."""
        answer = self.attempt("00B09C0001")
        if not answer.protected:
            assert answer.sw == "6988", answer
        return answer.protected
