# SPDX-License-Identifier: Apache-2.0
"""Certificates of the smart metering PKI (TR-03109-4; X.509 of RFC 5280): what the module reads in them, and how strictly.

The frame is read here, to the last octet, because names and the signed part count as octets; extensions are parsed by
`cryptography` and must be what it would have written.  Nothing here knows keys, rules or the date: `Certificate.parse` says what
a certificate is, and its `check_` methods who has signed it and what it is for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from secmod.apdu import SW, Tag, Tlv
from secmod.card import der
from secmod.crypto import by_oid, check_point, sha256, sha384, sha512, verify
from secmod.errors import CardError, PointError, SignatureError, TlvError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from cryptography import x509

    from secmod.crypto import Curve
    from secmod.store import Fact

# AlgorithmIdentifier of ecdsa-with-SHA256, -SHA384, -SHA512 (RFC 5758 clause 3.2): without parameters.
_SIGNATURES: dict[bytes, Callable[[bytes], bytes]] = {
    bytes.fromhex("06082A8648CE3D040302"): sha256,
    bytes.fromhex("06082A8648CE3D040303"): sha384,
    bytes.fromhex("06082A8648CE3D040304"): sha512,
}
_EC_PUBLIC_KEY = bytes.fromhex("2A8648CE3D0201")
_COMMON_NAME, _COUNTRY, _SERIAL_NUMBER = (bytes.fromhex(oid) for oid in ("550403", "550406", "550405"))
_VERSION, _EXTENSIONS = 0xA0, 0xA3
_VERSION_3 = bytes.fromhex("020102")
_SERIAL_OCTETS = 20
# Extensions that the module acts on, and only they may be critical: keyUsage, basicConstraints, extKeyUsage.
_PROCESSED = frozenset(bytes.fromhex(oid) for oid in ("551D0F", "551D13", "551D25"))


@dataclass(frozen=True, slots=True)
class ImportedKey:
    """What the module keeps of a verified certificate.

    `point` has 1 + 2L bytes; `subject` are the octets of the name, `key_identifier` those of the subjectKeyIdentifier;
    `fingerprint` is the SHA-256 of the certificate.  `path_length` authorities may follow below this one (None: any number);
    `authority` says that it is one at all.
    """

    curve: Curve
    point: bytes
    subject: bytes
    key_identifier: bytes | None
    not_before: datetime
    not_after: datetime
    fingerprint: bytes
    authority: bool
    path_length: int | None

    def facts(self) -> dict[str, Fact]:
        """Everything but curve and point, for the store."""
        return {
            "subject": self.subject.hex(),
            "key_identifier": None if self.key_identifier is None else self.key_identifier.hex(),
            "not_before": self.not_before.isoformat(),
            "not_after": self.not_after.isoformat(),
            "fingerprint": self.fingerprint.hex(),
            "authority": self.authority,
            "path_length": self.path_length,
        }

    @classmethod
    def of(cls, curve: Curve, point: bytes, facts: Mapping[str, Fact]) -> ImportedKey:
        """What was stored.  KeyError, TypeError or ValueError if it is something else."""
        identifier, length = facts["key_identifier"], facts["path_length"]
        return cls(
            curve,
            point,
            bytes.fromhex(str(facts["subject"])),
            None if identifier is None else bytes.fromhex(str(identifier)),
            datetime.fromisoformat(str(facts["not_before"])),
            datetime.fromisoformat(str(facts["not_after"])),
            bytes.fromhex(str(facts["fingerprint"])),
            bool(facts["authority"]),
            None if length is None else int(length),
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """A well-formed certificate whose signature nobody has looked at yet; `signed` are the octets under `signature`."""

    key: ImportedKey
    issuer: bytes
    issuer_key: x509.AuthorityKeyIdentifier | None
    common_names: tuple[str, ...]
    usage: x509.KeyUsage | None
    extended_usage: x509.ExtendedKeyUsage | None
    signed: bytes
    hash: Callable[[bytes], bytes]
    signature: bytes

    @classmethod
    def parse(cls, octets: bytes) -> Certificate:
        """The certificate that these octets are.  Raises CardError 6A80 if they are none, or not coded in the one right way."""
        try:
            return _parse(octets)
        except (TlvError, PointError, ValueError) as error:
            raise CardError(SW.WRONG_DATA, f"no certificate: {error}") from error

    @property
    def self_issued(self) -> bool:
        """Issuer and subject have the same name."""
        return self.issuer == self.key.subject

    @property
    def self_signed(self) -> bool:
        """The certificate's own key has signed it."""
        try:
            self.check_signed_by(self.key)
        except CardError:
            return False
        return True

    def check_signed_by(self, issuer: ImportedKey) -> None:
        """Raises CardError 6A80 unless `issuer` is the authority that the certificate names, may issue it, and has signed it."""
        if self.issuer != issuer.subject:
            raise _wrong("the issuer's name is another than the verifier's")
        if self.issuer_key is not None and (self.issuer_key.key_identifier or b"") != issuer.key_identifier:
            raise _wrong("the authority key identifier is not the verifier's key")
        if not issuer.authority:
            raise _wrong("the verifier is no authority")
        if self.key.authority and issuer.path_length == 0 and not self.self_issued:
            raise _wrong("no authority may follow below the verifier")
        try:
            plain = der.signature(self.signature, issuer.curve.field_bytes)
            verify(issuer.curve, issuer.point, self.hash(self.signed), plain)
        except (SignatureError, PointError, TlvError) as error:
            raise _wrong(f"the signature is not the issuer's: {error}") from error

    def check_authority(self) -> None:
        """Raises CardError 6A80 unless the subject is a certification authority."""
        if not self.key.authority or self.usage is None or not self.usage.key_cert_sign:
            raise _wrong("an authority has CA:TRUE and the usage keyCertSign")

    def check_end_entity(self, role: str | None, kind: str | None) -> None:
        """Raises CardError 6A80 unless the subject is an end entity, of this role by its name, and of this kind by its usage."""
        if self.key.authority or (self.usage is not None and self.usage.key_cert_sign):
            raise _wrong("an end entity signs no certificates")
        if role is not None and not self._has_role(role):
            raise _wrong(f"the subject is no {role}: {', '.join(self.common_names)}")
        if kind is not None and self.kind != kind:
            raise _wrong(f"the certificate is for {self.kind or 'nothing known'}, not for {kind}")

    def key_below(self, issuer: ImportedKey) -> ImportedKey:
        """The key; no longer chain of authorities may follow it than its issuer's certificate allows."""
        if issuer.path_length is None or not self.key.authority:
            return self.key
        left = issuer.path_length - (not self.self_issued)
        return replace(self.key, path_length=left if self.key.path_length is None else min(left, self.key.path_length))

    def _has_role(self, role: str) -> bool:
        """The one common name ends with the role or contains it between dots (TR-03109-4, names)."""
        if len(self.common_names) != 1:
            return False
        name = self.common_names[0]
        return name.endswith(f".{role}") or f".{role}." in name

    @property
    def kind(self) -> str | None:
        """TLS, SIG or ENC by key usage (TR-03109-4, certificate fields), None if it is neither."""
        usage = self.usage
        if usage is None or usage.digital_signature == usage.key_agreement:
            return None
        if usage.key_agreement:
            return None if self.extended_usage else "ENC"
        return "TLS" if self.extended_usage else "SIG"


def _wrong(reason: str) -> CardError:
    return CardError(SW.WRONG_DATA, reason)


def _parse(octets: bytes) -> Certificate:
    """Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm, signature } (RFC 5280 clause 4.1)."""
    whole = Tlv.parse(octets)
    der.check((whole,))
    body, algorithm, signature = der.sequence(whole, 3)
    version, serial, inner_algorithm, issuer, validity, subject, key_info, extensions = der.sequence(body, 8)
    if version != (_VERSION, _VERSION_3):
        raise TlvError("not of version 3")
    der.natural(serial, _SERIAL_OCTETS)
    if algorithm != inner_algorithm or algorithm.tag != Tag.SEQUENCE or algorithm.value not in _SIGNATURES:
        raise TlvError("the signature is not ecdsa-with-SHA256, -SHA384 or -SHA512, or inside another than outside")
    not_before, not_after = map(der.time, der.sequence(validity, 2))
    if not_after < not_before:
        raise TlvError("the certificate ends before it begins")
    common_names = _common_names(subject)
    curve, point = _public_key(key_info)
    known = _read_extensions(octets, _extension_values(extensions))
    key = ImportedKey(
        curve=curve,
        point=point,
        subject=subject.encode(),
        key_identifier=None if known.subject_key is None else known.subject_key.digest,
        not_before=not_before,
        not_after=not_after,
        fingerprint=hashlib.sha256(octets).digest(),
        authority=known.constraints is not None and known.constraints.ca,
        path_length=None if known.constraints is None else known.constraints.path_length,
    )
    return Certificate(
        key=key,
        issuer=issuer.encode(),
        issuer_key=known.issuer_key,
        common_names=common_names,
        usage=known.usage,
        extended_usage=known.extended_usage,
        signed=body.encode(),
        hash=_SIGNATURES[algorithm.value],
        signature=der.octets_of_bits(signature),
    )


def _common_names(name: Tlv) -> tuple[str, ...]:
    """The common names in a Name (RFC 5280 clause 4.1.2.4), of whose attributes each has a value of the right type."""
    found = []
    for relative in der.sequence(name):
        if relative.tag != Tag.SET or not relative.children:
            raise TlvError("a name holds something that is no set of attributes")
        for attribute in relative.children:
            kind, value = der.sequence(attribute, 2)
            printable_only = kind.value in (_COUNTRY, _SERIAL_NUMBER)
            types = (der.PRINTABLE_STRING,) if printable_only else (der.PRINTABLE_STRING, der.UTF8_STRING)
            if kind.tag != Tag.OBJECT_IDENTIFIER or value.tag not in types or not value.value:
                raise TlvError("an attribute of a name is empty or of a wrong type")
            if kind.value == _COMMON_NAME:
                found.append(value.value.decode())
    return tuple(found)


def _public_key(key_info: Tlv) -> tuple[Curve, bytes]:
    """Curve and point of a SubjectPublicKeyInfo (RFC 5480): named curve, uncompressed point.  Raises PointError, TlvError."""
    algorithm, bits = der.sequence(key_info, 2)
    kind, parameters = der.sequence(algorithm, 2)
    curve = by_oid(parameters.value) if parameters.tag == Tag.OBJECT_IDENTIFIER else None
    if kind != (Tag.OBJECT_IDENTIFIER, _EC_PUBLIC_KEY) or curve is None:
        raise TlvError("no key on a named curve that the module has")
    point = der.octets_of_bits(bits)
    check_point(curve, point)
    return curve, point


def _extension_values(extensions: Tlv) -> list[bytes]:
    """The values of the extensions; raises TlvError unless each stands there once, and those not processed are not critical."""
    values = []
    seen: set[bytes] = set()
    if extensions.tag != _EXTENSIONS or len(extensions.children) != 1:
        raise TlvError("the extensions do not stand at the end")
    for extension in der.sequence(extensions.children[0]):
        kind, *critical, value = der.sequence(extension)
        if kind.tag != Tag.OBJECT_IDENTIFIER or value.tag != Tag.OCTET_STRING or kind.value in seen:
            raise TlvError("an extension stands twice, or is none")
        if critical and (critical != [(der.BOOLEAN, der.TRUE)] or kind.value not in _PROCESSED):
            raise TlvError(f"the extension {kind.value.hex()} is critical and not known")
        seen.add(kind.value)
        values.append(value.value)
    return values


@dataclass(frozen=True, slots=True)
class _Extensions:
    """The extensions that the module acts on; None where one is missing."""

    issuer_key: x509.AuthorityKeyIdentifier | None
    subject_key: x509.SubjectKeyIdentifier | None
    constraints: x509.BasicConstraints | None
    usage: x509.KeyUsage | None
    extended_usage: x509.ExtendedKeyUsage | None


def _read_extensions(octets: bytes, values: list[bytes]) -> _Extensions:
    """The extensions of a certificate, whose `values` are coded as `cryptography` would code them.  Raises ValueError."""
    # Imported when the first certificate comes: it takes half as long as all the rest of the card.
    from cryptography import x509  # noqa: PLC0415

    try:
        parsed = x509.load_der_x509_certificate(octets).extensions
    except (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, x509.InvalidVersion) as error:
        raise ValueError(str(error)) from error
    kinds: dict[type, str] = {
        x509.AuthorityKeyIdentifier: "issuer_key",
        x509.SubjectKeyIdentifier: "subject_key",
        x509.BasicConstraints: "constraints",
        x509.KeyUsage: "usage",
        x509.ExtendedKeyUsage: "extended_usage",
    }
    found: dict[str, Any] = dict.fromkeys(kinds.values())
    for extension, value in zip(parsed, values, strict=True):
        name = kinds.get(type(extension.value))
        if name is None:
            continue
        if extension.value.public_bytes() != value:
            raise ValueError(f"the extension {extension.oid.dotted_string} is not coded as DER asks")
        found[name] = extension.value
    return _Extensions(**found)


__all__ = ["Certificate", "ImportedKey"]
