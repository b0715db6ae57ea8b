# SPDX-License-Identifier: Apache-2.0
"""A small SM-PKI (TR-03109-4) for tests: certificates written octet by octet, so that every field can be wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.card.talk import do

SEQUENCE, SET, INTEGER, BIT_STRING, OCTET_STRING, OID, BOOLEAN, UTF8, PRINTABLE, UTC_TIME, GENERALIZED_TIME = (
    0x30,
    0x31,
    0x02,
    0x03,
    0x04,
    0x06,
    0x01,
    0x0C,
    0x13,
    0x17,
    0x18,
)
EC_PUBLIC_KEY = bytes.fromhex("2A8648CE3D0201")
SIGNATURES = {32: bytes.fromhex("2A8648CE3D040302"), 48: bytes.fromhex("2A8648CE3D040303"), 64: bytes.fromhex("2A8648CE3D040304")}
HASHES = {32: hashes.SHA256(), 48: hashes.SHA384(), 64: hashes.SHA512()}
CURVE_OIDS = {
    "brainpoolP256r1": "2B2403030208010107",
    "brainpoolP384r1": "2B240303020801010B",
    "brainpoolP512r1": "2B240303020801010D",
    "secp256r1": "2A8648CE3D030107",
    "secp384r1": "2B81040022",
    "secp521r1": "2B81040023",
}
POLICY = bytes.fromhex("04007F00070304010101")
Change = Callable[[list[bytes]], list[bytes]]


def _generate(curve: str) -> ec.EllipticCurvePrivateKey:
    kind = getattr(ec, curve.replace("brainpool", "Brainpool").replace("secp", "SECP").replace("r1", "R1"))
    return ec.generate_private_key(kind())


def day(year: int, month: int = 1, number: int = 1) -> datetime:
    return datetime(year, month, number)  # noqa: DTZ001  (certificates have no zone but Z)


START, END = day(2024), day(2030)


@dataclass(frozen=True)
class Party:
    """Somebody with a name and a key pair."""

    name: str
    curve: str = "brainpoolP256r1"
    number: int = 1

    @cached_property
    def key(self) -> ec.EllipticCurvePrivateKey:
        return _generate(self.curve)

    @cached_property
    def point(self) -> bytes:
        return self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def size(self) -> int:
        return (self.key.curve.key_size + 7) // 8

    @property
    def identifier(self) -> bytes:
        return hashlib.sha1(self.point).digest()  # noqa: S324  (RFC 5280 4.2.1.2, no security in it)

    @property
    def distinguished_name(self) -> bytes:
        parts = (("550403", UTF8, self.name), ("55040A", UTF8, "SM-Test-PKI-DE"), ("550406", PRINTABLE, "DE"))
        parts += (("550405", PRINTABLE, str(self.number)),)
        return do(
            SEQUENCE, *(do(SET, do(SEQUENCE, do(OID, bytes.fromhex(oid)), do(kind, text.encode()))) for oid, kind, text in parts)
        )

    @property
    def key_info(self) -> bytes:
        algorithm = do(SEQUENCE, do(OID, EC_PUBLIC_KEY), do(OID, bytes.fromhex(CURVE_OIDS[self.curve])))
        return do(SEQUENCE, algorithm, do(BIT_STRING, b"\x00", self.point))

    def sign(self, message: bytes) -> tuple[int, int]:
        size = min(64, self.size)
        return utils.decode_dss_signature(self.key.sign(message, ec.ECDSA(HASHES[size])))


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return do(SEQUENCE, do(OID, bytes.fromhex(oid)), do(BOOLEAN, b"\xff") if critical else b"", do(OCTET_STRING, value))


def _uri(text: str) -> bytes:
    return do(0x86, text.encode())


def extensions(subject: Party, issuer: Party, kind: str) -> list[bytes]:
    """As TR-03109-4 table 18 asks; `kind` is ROOT, SUB, TLS, SIG or ENC."""
    authority = kind in ("ROOT", "SUB")
    usage = {"ROOT": "0106", "SUB": "0106", "TLS": "0780", "SIG": "0780", "ENC": "0328"}[kind]
    limits = do(BOOLEAN, b"\xff") + do(INTEGER, b"\x01" if kind == "ROOT" else b"\x00") if authority else b""
    found = [
        _extension("551D23", do(SEQUENCE, do(0x80, issuer.identifier))),
        _extension("551D0E", do(OCTET_STRING, subject.identifier)),
        _extension("551D0F", do(BIT_STRING, bytes.fromhex(usage)), critical=True),
        _extension("551D20", do(SEQUENCE, do(SEQUENCE, do(OID, POLICY)))),
        _extension("551D12", do(SEQUENCE, _uri("https://ca.example"))),
        _extension("551D13", do(SEQUENCE, limits), critical=True),
        _extension("551D1F", do(SEQUENCE, do(SEQUENCE, do(0xA0, do(0xA0, _uri("ldap://ca.example")))))),
    ]
    if not authority:
        found.append(_extension("551D11", do(SEQUENCE, do(0x81, b"admin@gwa.example"))))
    if kind == "TLS":
        purposes = (do(OID, bytes.fromhex(oid)) for oid in ("2B06010505070302", "2B06010505070301"))
        found.append(_extension("551D25", do(SEQUENCE, *purposes), critical=True))
    return found


def time(moment: datetime) -> bytes:
    return do(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())


def signature(party: Party, message: bytes) -> bytes:
    """Ecdsa-Sig-Value in a BIT STRING."""
    return signature_of(*party.sign(message))


def signature_of(r: int, s: int) -> bytes:
    return do(BIT_STRING, b"\x00", do(SEQUENCE, *(do(INTEGER, n.to_bytes(n.bit_length() // 8 + 1, "big")) for n in (r, s))))


VERSION, NUMBER, ALGORITHM, ISSUER, VALIDITY, SUBJECT, KEY, EXTENSIONS = range(8)


def certificate(
    subject: Party,
    issuer: Party,
    kind: str,
    start: datetime,
    end: datetime,
    *,
    fields: dict[int, bytes] | None = None,
    signed: Callable[[bytes], bytes] | None = None,
) -> bytes:
    """An X.509 certificate; `fields` replaces parts of tbsCertificate by position, `signed` makes the signature of its octets."""
    algorithm = do(SEQUENCE, do(OID, SIGNATURES[min(64, issuer.size)]))
    parts = {
        VERSION: do(0xA0, do(INTEGER, b"\x02")),
        NUMBER: do(INTEGER, b"\x10" + subject.identifier[:15]),
        ALGORITHM: algorithm,
        ISSUER: issuer.distinguished_name,
        VALIDITY: do(SEQUENCE, time(start), time(end)),
        SUBJECT: subject.distinguished_name,
        KEY: subject.key_info,
        EXTENSIONS: do(0xA3, do(SEQUENCE, *extensions(subject, issuer, kind))),
    }
    to_be_signed = do(SEQUENCE, *(parts | (fields or {})).values())
    return do(SEQUENCE, to_be_signed, algorithm, signed(to_be_signed) if signed else signature(issuer, to_be_signed))


@dataclass(frozen=True)
class Chain:
    """Root, Sub-CA and a gateway administrator with its three keys, and their certificates: 2024 to 2030."""

    root: Party = field(default_factory=lambda: Party("SM-Test-Root.CA"))
    sub: Party = field(default_factory=lambda: Party("Example.CA"))
    tls: Party = field(default_factory=lambda: Party("Example.GWA"))
    signing: Party = field(default_factory=lambda: Party("Example.GWA"))
    encryption: Party = field(default_factory=lambda: Party("Example.GWA"))
    start: datetime = START
    end: datetime = END

    def issue(self, subject: Party, issuer: Party, kind: str, **changes: object) -> bytes:
        """A certificate over the chain's own validity, unless `start` and `end` say otherwise."""
        span = {"start": self.start, "end": self.end} | changes
        return certificate(subject, issuer, kind, **span)  # type: ignore[arg-type]

    @cached_property
    def root_certificate(self) -> bytes:
        return self.issue(self.root, self.root, "ROOT")

    @cached_property
    def sub_certificate(self) -> bytes:
        return self.issue(self.sub, self.root, "SUB")

    @cached_property
    def administrator_certificates(self) -> tuple[bytes, bytes, bytes]:
        """For TLS, signatures and content keys."""
        parties = ((self.tls, "TLS"), (self.signing, "SIG"), (self.encryption, "ENC"))
        tls, signing, encryption = (self.issue(party, self.sub, kind) for party, kind in parties)
        return tls, signing, encryption
