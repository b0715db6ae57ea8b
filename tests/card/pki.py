# SPDX-License-Identifier: Apache-2.0
"""A small test SM-PKI (TR-03109-4), made by `cryptography`; and certificates taken apart, changed, and signed again."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from secmod.apdu import Tlv

HASHES = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}
POLICY = x509.ObjectIdentifier("0.4.0.127.0.7.3.4.1.1.1")

# The parts of a tbsCertificate, in their order.
VERSION, SERIAL, ALGORITHM, ISSUER, VALIDITY, SUBJECT, KEY, EXTENSIONS = range(8)


def date(year: int, month: int = 1, day: int = 1) -> datetime.datetime:
    return datetime.datetime(year, month, day, tzinfo=datetime.UTC)


@cache
def key(label: str, curve: str = "brainpoolP256r1") -> ec.EllipticCurvePrivateKey:
    """One key for each label: making them takes time, and nothing here depends on what they are."""
    curves = {
        "brainpoolP256r1": ec.BrainpoolP256R1(),
        "brainpoolP384r1": ec.BrainpoolP384R1(),
        "brainpoolP512r1": ec.BrainpoolP512R1(),
        "secp256r1": ec.SECP256R1(),
        "secp384r1": ec.SECP384R1(),
        "secp521r1": ec.SECP521R1(),
    }
    assert label
    return ec.generate_private_key(curves[curve])


def name(common_name: str, generation: int = 1) -> x509.Name:
    attributes = [
        (NameOID.COMMON_NAME, common_name),
        (NameOID.ORGANIZATION_NAME, "SM-Test-PKI-DE"),
        (NameOID.COUNTRY_NAME, "DE"),
        (NameOID.SERIAL_NUMBER, str(generation)),
    ]
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes])


@dataclass(frozen=True)
class Holder:
    """Somebody with a key and a certificate (DER)."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey
    certificate: bytes


def issue(
    common_name: str,
    kind: str,
    issuer: Holder | None = None,
    *,
    curve: str = "brainpoolP256r1",
    generation: int = 1,
    begin: datetime.datetime | None = None,
    end: datetime.datetime | None = None,
    path_length: int | None = None,
    without: tuple[type, ...] = (),
    more: tuple[tuple[x509.ExtensionType, bool], ...] = (),
) -> Holder:
    """A certificate of the kind CA, TLS, SIG or ENC with the extensions of TR-03109-4 table 18; self-signed without issuer."""
    own = key(f"{common_name} {kind} {generation}", curve)
    subject = name(common_name, generation)
    signer = own if issuer is None else issuer.key
    authority = kind == "CA"
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
        (x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False),
        (
            x509.KeyUsage(
                digital_signature=kind in {"TLS", "SIG"},
                content_commitment=False,
                key_encipherment=kind == "ENC",
                data_encipherment=False,
                key_agreement=kind == "ENC",
                key_cert_sign=authority,
                crl_sign=authority,
                encipher_only=False,
                decipher_only=False,
            ),
            True,
        ),
        (x509.CertificatePolicies([x509.PolicyInformation(POLICY, None)]), False),
        (x509.IssuerAlternativeName([x509.RFC822Name("ca@example.org")]), False),
        (x509.BasicConstraints(ca=authority, path_length=path_length), True),
    ]
    if kind == "TLS":
        extensions.append((x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]), True))
    if not authority:
        extensions.append((x509.SubjectAlternativeName([x509.RFC822Name("gwa@example.org")]), False))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.name)
        .public_key(own.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin or date(2025))
        .not_valid_after(end or date(2035))
    )
    for extension, critical in (*(entry for entry in extensions if type(entry[0]) not in without), *more):
        builder = builder.add_extension(extension, critical)
    certificate = builder.sign(signer, HASHES[384 if signer.curve.key_size == 521 else signer.curve.key_size])
    return Holder(subject, own, certificate.public_bytes(Encoding.DER))


def root(generation: int = 1, **options: object) -> Holder:
    return issue("SM-Test-Root.CA", "CA", generation=generation, **({"curve": "brainpoolP384r1", "path_length": 1} | options))  # type: ignore[arg-type]


def sub(issuer: Holder, common_name: str = "Example.CA", **options: object) -> Holder:
    return issue(common_name, "CA", issuer, **({"path_length": 0} | options))  # type: ignore[arg-type]


# ---- parts -----------------------------------------------------------------------------------------------------------------


def parts(certificate: bytes) -> list[bytes]:
    """The coded parts of the tbsCertificate."""
    body = Tlv.parse(certificate).children[0]
    return [part.encode() for part in body.children]


def coded(tag: int, *values: bytes) -> bytes:
    return Tlv(tag, b"".join(values)).encode()


def remade(holder: Holder, signer: Holder, /, **changed: bytes | None) -> bytes:
    """The certificate with other parts, by their names in small letters, signed by the signer; None leaves one out."""
    own = parts(holder.certificate)
    for part, value in changed.items():
        own[globals()[part.upper()]] = value if value is not None else b""
    return signed(coded(0x30, *own), signer)


def signed(body: bytes, issuer: Holder, algorithm: bytes | None = None) -> bytes:
    """SEQUENCE { body, algorithm, signature }."""
    size = issuer.key.curve.key_size
    oid = {256: "06082A8648CE3D040302", 384: "06082A8648CE3D040303", 512: "06082A8648CE3D040304"}[size]
    signature = issuer.key.sign(body, ec.ECDSA(HASHES[size]))
    outer = coded(0x30, bytes.fromhex(oid)) if algorithm is None else algorithm
    return coded(0x30, body, outer, coded(0x03, b"\x00", signature))


def with_signature(certificate: bytes, signature: bytes) -> bytes:
    """The certificate with another value in its signature."""
    body, algorithm, _ = Tlv.parse(certificate).children
    return coded(0x30, body.encode(), algorithm.encode(), coded(0x03, b"\x00", signature))


def signature_of(certificate: bytes) -> tuple[int, int]:
    """r and s."""
    return utils.decode_dss_signature(Tlv.parse(certificate).children[2].value[1:])


def point_of(holder: Holder) -> bytes:
    numbers = holder.key.public_key().public_numbers()
    size = (holder.key.curve.key_size + 7) // 8
    return b"\x04" + numbers.x.to_bytes(size) + numbers.y.to_bytes(size)


def plain_signature(holder: Holder, message: bytes) -> bytes:
    """r || s over the message, hashed by the size of the curve."""
    size = holder.key.curve.key_size
    r, s = utils.decode_dss_signature(holder.key.sign(message, ec.ECDSA(HASHES[size])))
    return r.to_bytes(size // 8) + s.to_bytes(size // 8)
