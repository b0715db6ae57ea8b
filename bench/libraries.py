# SPDX-License-Identifier: Apache-2.0
"""Everything that signs, verifies and agrees on our curves: secmod on each of its code paths, and who it is compared to.

A library in C is a program of `peers/`, as everyone's programs would call it; one in Python is called in this process.

What interfaces do differently is made alike: for agreement everyone gets the other's point as bytes and finds it on the curve;
"verify" is with a key that stays, "verify, new key" with one that was never seen, read from its point.  `ecdsa` and `fastecdsa`
work in variable time also where a secret is involved.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from itertools import cycle
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from bench.facts import flags
from bench.interleave import Block, in_python
from bench.workers import Worker, missing, program
from secmod.crypto import CURVES, Vault, agree_many, sign_many, verify, verify_many

OPERATIONS: Final = {  # our word → that of peers/peer.h
    "sign": "sign",
    "verify": "verify",
    "verify, new key": "verify-new",
    "ECDH": "agree",
    "key pair": "generate",
}
RANDOM: Final = "32 random bytes"
NEW_KEYS: Final = 64  # taken in turn: more than the core keeps tables of

OPENSSL: Final = "OpenSSL"
PORTABLE: Final = "secmod, portable"


def each(block: Block, batch: int) -> Block:
    """The time for one of the operations that a block does so many of at once."""
    return lambda samples, iterations: [time / batch for time in block(samples, iterations)]


Operations = Mapping[str, Callable[[], object]]


@dataclass(frozen=True, slots=True)
class InC:
    """A program of peers/; `path` is the code path that secmod takes."""

    program: str
    path: str | None = None

    def lacks(self) -> str | None:
        """What has to be installed first, or why it can not be had here; None if all is there."""
        if self.path == "adx" and "adx" not in flags():
            return "a CPU with ADX"
        package = missing(self.program)
        return package and f"the Debian package {package}"

    def block(self, stack: ExitStack, curve: str, operation: str, batch: int = 1) -> Block:
        """Its process is ended with the stack.  Of a batch, the time for one operation is what counts."""
        env = {"PEER_BATCH": str(batch), **({"SECMOD_CORE": self.path} if self.path else {})}
        word = "random" if operation == RANDOM else OPERATIONS[operation]
        if batch == 1:
            return stack.enter_context(Worker(program(self.program), curve, word, env=env)).block
        return each(stack.enter_context(Worker(program(self.program), curve, f"{word}-many", env=env)).block, batch)


@dataclass(frozen=True, slots=True)
class InPython:
    """A Python package."""

    package: str
    operations: Callable[[str, bytes], Operations]

    def lacks(self) -> str | None:
        """As above."""
        return None if find_spec(self.package) else f"the Python package {self.package}"

    def block(self, stack: ExitStack, curve: str, operation: str) -> Block:
        """In this process."""
        return in_python(self.operations(curve, os.urandom(CURVES[curve].field_bytes))[operation])


def of_secmod(curve_name: str, digest: bytes) -> Operations:
    curve, vault = CURVES[curve_name], Vault()
    key, other = vault.generate(curve), vault.generate(curve).public_point
    point, signature = key.public_point, key.sign(digest)
    signed = []
    for _ in range(NEW_KEYS):
        one = vault.generate(curve)
        signed.append((one.public_point, one.sign(digest)))
    new = cycle(signed)

    def verify_new() -> None:
        of, good = next(new)
        verify(curve, of, digest, good)

    return {
        "sign": partial(key.sign, digest),
        "verify": partial(verify, curve, point, digest, signature),
        "verify, new key": verify_new,
        "ECDH": partial(key.agree, other),
        "key pair": partial(vault.generate, curve),  # wiped and released when the next one replaces it
        RANDOM: partial(vault.random, 32),
    }


def of_secmod_batch(curve_name: str, batch: int) -> Operations:
    """So many operations in one call, each with a key of its own."""
    curve, vault = CURVES[curve_name], Vault()
    digest = os.urandom(curve.field_bytes)
    keys = [vault.generate(curve) for _ in range(NEW_KEYS)]
    points = [key.public_point for key in keys]
    signed = [(curve, key.public_point, digest, key.sign(digest)) for key in keys]
    starts = cycle(range(0, NEW_KEYS - batch + 1, batch))

    def verify_new() -> None:
        start = next(starts)
        assert verify_many(signed[start : start + batch]) == [None] * batch

    return {
        "sign": lambda: sign_many((key, digest) for key in keys[:batch]),
        "verify, new key": verify_new,
        "ECDH": lambda: agree_many(zip(keys[:batch], reversed(points), strict=False)),
        "key pair": lambda: vault.generate_many([curve] * batch),
    }


_PYCA: Final[Mapping[str, type[ec.EllipticCurve]]] = {
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
}
_HASHES: Final[Mapping[int, type[HashAlgorithm]]] = {32: SHA256, 48: SHA384, 64: SHA512}


def of_cryptography(curve_name: str, digest: bytes) -> Operations:
    curve = _PYCA[curve_name]()
    algorithm = ec.ECDSA(utils.Prehashed(_HASHES[len(digest)]()))
    key = ec.generate_private_key(curve)
    public, signature = key.public_key(), key.sign(digest, algorithm)
    point = _encoded(public)
    other = _encoded(ec.generate_private_key(curve).public_key())
    read = partial(ec.EllipticCurvePublicKey.from_encoded_point, curve)
    agreement = ec.ECDH()
    return {
        "sign": partial(key.sign, digest, algorithm),
        "verify": partial(public.verify, signature, digest, algorithm),
        "verify, new key": lambda: read(point).verify(signature, digest, algorithm),
        "ECDH": lambda: key.exchange(agreement, read(other)),
        "key pair": partial(ec.generate_private_key, curve),
    }


def _encoded(key: ec.EllipticCurvePublicKey) -> bytes:
    numbers, size = key.public_numbers(), (key.key_size + 7) // 8
    return b"\x04" + numbers.x.to_bytes(size) + numbers.y.to_bytes(size)


_ECDSA: Final = {
    "brainpoolP256r1": "BRAINPOOLP256r1",
    "brainpoolP384r1": "BRAINPOOLP384r1",
    "brainpoolP512r1": "BRAINPOOLP512r1",
    "secp256r1": "NIST256p",
    "secp384r1": "NIST384p",
}


def of_ecdsa(curve_name: str, digest: bytes) -> Operations:
    ecdsa: Any = importlib.import_module("ecdsa")
    agreement: Any = importlib.import_module("ecdsa.ecdh").ECDH
    curve = getattr(ecdsa, _ECDSA[curve_name])
    key = ecdsa.SigningKey.generate(curve)
    public, signature = key.verifying_key, key.sign_digest(digest)
    point = public.to_string("uncompressed")
    other = ecdsa.SigningKey.generate(curve).verifying_key.to_string("uncompressed")
    read = partial(ecdsa.VerifyingKey.from_string, curve=curve)
    return {
        "sign": partial(key.sign_digest, digest),
        "verify": partial(public.verify_digest, signature, digest),
        "verify, new key": lambda: read(point).verify_digest(signature, digest),
        "ECDH": lambda: agreement(curve, key, read(other)).generate_sharedsecret_bytes(),
        "key pair": partial(ecdsa.SigningKey.generate, curve),
    }


_FASTECDSA: Final = {"secp256r1": "P256", "secp384r1": "P384"}  # names of its own; it has the others as we do


def of_fastecdsa(curve_name: str, digest: bytes) -> Operations:
    ecdsa, keys = importlib.import_module("fastecdsa.ecdsa"), importlib.import_module("fastecdsa.keys")
    point_of: Any = importlib.import_module("fastecdsa.point").Point
    curve = getattr(importlib.import_module("fastecdsa.curve"), _FASTECDSA.get(curve_name, curve_name))
    key, public = keys.gen_keypair(curve)
    signature = ecdsa.sign(digest, key, curve=curve, prehashed=True)
    _, other = keys.gen_keypair(curve)
    raw = [point.x.to_bytes(len(digest)) + point.y.to_bytes(len(digest)) for point in (public, other)]

    def read(point: bytes) -> Any:
        return point_of(
            int.from_bytes(point[: len(digest)]), int.from_bytes(point[len(digest) :]), curve
        )  # finds it on the curve

    return {
        "sign": partial(ecdsa.sign, digest, key, curve=curve, prehashed=True),
        "verify": partial(ecdsa.verify, signature, digest, public, curve=curve, prehashed=True),
        "verify, new key": lambda: ecdsa.verify(signature, digest, read(raw[0]), curve=curve, prehashed=True),
        "ECDH": lambda: read(raw[1]) * key,
        "key pair": partial(keys.gen_keypair, curve),
    }


LIBRARIES: Final[Mapping[str, InC | InPython]] = {
    "secmod": InC("peers/core"),
    "secmod, ADX": InC("peers/core", "adx"),
    PORTABLE: InC("peers/core", "portable"),
    "secmod, Python": InPython("secmod", of_secmod),
    OPENSSL: InC("peers/libcrypto"),
    "Botan 2": InC("peers/botan"),
    "wolfSSL": InC("peers/wolfssl"),
    "libgcrypt": InC("peers/libgcrypt"),
    "mbedTLS": InC("peers/mbedtls"),
    "cryptography, Python": InPython("cryptography", of_cryptography),
    "ecdsa, Python": InPython("ecdsa", of_ecdsa),
    "fastecdsa, Python": InPython("fastecdsa", of_fastecdsa),
}


def left_out() -> dict[str, str]:
    """The libraries that this machine can not show, and what each of them lacks."""
    return {name: lacks for name, library in LIBRARIES.items() if (lacks := library.lacks())}


__all__ = [
    "LIBRARIES",
    "NEW_KEYS",
    "OPENSSL",
    "OPERATIONS",
    "PORTABLE",
    "RANDOM",
    "InC",
    "InPython",
    "each",
    "left_out",
    "of_secmod_batch",
]
