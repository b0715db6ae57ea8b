# SPDX-License-Identifier: Apache-2.0
"""What is outside the module in a scenario: authorities that issue certificates, an administrator, peers.

All cryptography here is that of `cryptography`, none of ours.  Certificates are as TR-03109-4 has them, as far as the module
looks at them.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from secmod.host import PublicKey

_CURVES: Final = {
    "brainpoolP256r1": ec.BrainpoolP256R1(),
    "brainpoolP384r1": ec.BrainpoolP384R1(),
    "brainpoolP512r1": ec.BrainpoolP512R1(),
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
}
_HASHES: Final = {256: hashes.SHA256(), 384: hashes.SHA384(), 512: hashes.SHA512()}
_YEAR: Final = datetime.timedelta(days=365)


class Outside:
    """Everybody that the gateway has to do with; each has a key pair under his name."""

    def __init__(self) -> None:
        self._keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self._now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)

    def key_pair(self, name: str, curve: str = "brainpoolP256r1") -> bytes:
        """`name` has a fresh key pair; returns the point."""
        self._keys[name] = ec.generate_private_key(_CURVES[curve])
        return (
            self._keys[name].public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
        )

    def authority(self, name: str, issuer: str | None = None, path_length: int = 0, curve: str = "brainpoolP384r1") -> bytes:
        """`name` is a certification authority with a fresh key pair; returns its certificate (DER), self-signed
        without issuer.
        """
        self.key_pair(name, curve)
        return self._sign(name, self._keys[name].public_key(), issuer or name, _authority(path_length))

    def link(self, name: str, new: str) -> bytes:
        """`new` is the next key of the authority `name`; returns the certificate for it that the present key has signed."""
        self.key_pair(new, "brainpoolP384r1")
        return self._sign(new, self._keys[new].public_key(), name, _authority(1))

    def certificate(self, name: str, kind: str, issuer: str, key: PublicKey | None = None) -> bytes:
        """The end entity `name` has a TLS, SIG or ENC certificate (DER), for the given key or for a fresh one of its own."""
        if key is None:
            self.key_pair(f"{name} {kind}")
            public = self._keys[f"{name} {kind}"].public_key()
        else:
            loaded = serialization.load_der_public_key(key.der())
            assert isinstance(loaded, ec.EllipticCurvePublicKey)
            public = loaded
        return self._sign(name, public, issuer, _end_entity(kind))

    def request(self, key: PublicKey, signature: bytes | None = None) -> bytes:
        """The hash over a certificate request for the key, to be signed with it: proof of possession."""
        digest = hashlib.sha256(b"certificate request for " + key.der()).digest()
        if signature is not None:
            self.check(key, digest, signature)
        return digest

    def check(self, key: PublicKey, digest: bytes, signature: bytes) -> None:
        """The signature r || s is right."""
        public = serialization.load_der_public_key(key.der())
        assert isinstance(public, ec.EllipticCurvePublicKey)
        half = len(signature) // 2
        der = utils.encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))
        public.verify(der, digest, ec.ECDSA(utils.Prehashed(_HASHES[8 * len(digest)])))

    def signer(self, name: str) -> Callable[[bytes], bytes]:
        """What `name` signs messages with: r || s over the hash of the size of its key."""
        key = self._keys[name]
        size = key.key_size // 8

        def sign(message: bytes) -> bytes:
            r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(_HASHES[key.key_size])))
            return r.to_bytes(size) + s.to_bytes(size)

        return sign

    def signature(self, name: str, message: str) -> bytes:
        """The signature of `name` over a message."""
        return self.signer(name)(message.encode())

    def digest(self, message: str, bits: int = 256) -> bytes:
        """The hash of a message, SHA-256 or another of the family."""
        return hashlib.new(f"sha{bits}", message.encode()).digest()

    def noise(self, length: int) -> bytes:
        """Any bytes."""
        return secrets.token_bytes(length)

    def agreed(self, name: str, key: PublicKey) -> bytes:
        """The shared value of `name` and the owner of a key."""
        public = serialization.load_der_public_key(key.der())
        assert isinstance(public, ec.EllipticCurvePublicKey)
        return self._keys[name].exchange(ec.ECDH(), public)

    def _sign(self, name: str, key: ec.EllipticCurvePublicKey, issuer: str, extensions: Sequence[x509.ExtensionType]) -> bytes:
        signing = self._keys[issuer]
        builder = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(issuer))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _YEAR)
            .not_valid_after(self._now + _YEAR)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=True)
        return builder.sign(signing, _HASHES[signing.key_size]).public_bytes(serialization.Encoding.DER)


def _name(text: str) -> x509.Name:
    """An authority's next key has a name of its own here ("SM-Root.CA, next") and none in certificates."""
    attributes = {
        NameOID.COMMON_NAME: text.partition(",")[0],
        NameOID.ORGANIZATION_NAME: "SM-Test-PKI-DE",
        NameOID.COUNTRY_NAME: "DE",
    }
    return x509.Name([x509.NameAttribute(kind, value) for kind, value in attributes.items()])


def _authority(path_length: int) -> list[x509.ExtensionType]:
    return [_usage("key_cert_sign", "crl_sign"), x509.BasicConstraints(ca=True, path_length=path_length)]


def _end_entity(kind: str) -> list[x509.ExtensionType]:
    none = x509.BasicConstraints(ca=False, path_length=None)
    if kind == "ENC":
        return [_usage("key_agreement", "key_encipherment"), none]
    if kind == "SIG":
        return [_usage("digital_signature"), none]
    both = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
    return [_usage("digital_signature"), none, both]


def _usage(*allowed: str) -> x509.KeyUsage:
    return x509.KeyUsage(**{use: use in allowed for use in _USES})


_USES: Final = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)
