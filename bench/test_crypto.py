# SPDX-License-Identifier: Apache-2.0
"""How fast are signatures, key agreement, key pairs and random numbers, against other libraries?

secmod, `cryptography` and `ecdsa` are called from Python as their users do; libcrypto, the peer of all ratios, from C, through
EVP.  What interfaces do differently is made alike: for agreement everyone gets the other's point as bytes and finds it on the
curve.  For verification the others keep a key object, secmod takes the point each time and remembers a
few: so that is measured both ways.
`ecdsa` works on Python's (gmpy2's) integers, in variable time also where a secret is involved.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from itertools import cycle
from typing import Any, Final

import ecdsa
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from ecdsa.ecdh import ECDH

from bench.conftest import Effort
from bench.interleave import Block, Contender, in_python, sized
from bench.workers import Worker, program
from secmod.crypto import CURVES, Vault, verify

LIBCRYPTO: Final = "libcrypto (EVP, from C)"
LIBRARIES: Final = ("secmod", "cryptography", "ecdsa", LIBCRYPTO)
OPERATIONS: Final = ("sign", "verify", "verify, new key", "ECDH", "key pair")

_PYCA: Final[dict[str, type[ec.EllipticCurve]]] = {
    "brainpoolP256r1": ec.BrainpoolP256R1,
    "brainpoolP384r1": ec.BrainpoolP384R1,
    "brainpoolP512r1": ec.BrainpoolP512R1,
    "secp256r1": ec.SECP256R1,
    "secp384r1": ec.SECP384R1,
}
_ECDSA: Final = {
    "brainpoolP256r1": ecdsa.BRAINPOOLP256r1,
    "brainpoolP384r1": ecdsa.BRAINPOOLP384r1,
    "brainpoolP512r1": ecdsa.BRAINPOOLP512r1,
    "secp256r1": ecdsa.NIST256p,
    "secp384r1": ecdsa.NIST384p,
}
_HASHES: Final[dict[int, type[HashAlgorithm]]] = {32: SHA256, 48: SHA384, 64: SHA512}
_EVP_CURVES: Final = {"secp256r1": "P-256", "secp384r1": "P-384"}  # names that libcrypto knows; it has the others as we do
NEW_KEYS: Final = 64  # taken in turn: more than the core keeps tables of
_EVP: Final = {"sign": "sign", "verify": "verify", "verify, new key": "verify-new", "ECDH": "agree", "key pair": "generate"}


def of_secmod(curve_name: str, digest: bytes) -> dict[str, Callable[[], object]]:
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
    }


def of_cryptography(curve_name: str, digest: bytes) -> dict[str, Callable[[], object]]:
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


def of_ecdsa(curve_name: str, digest: bytes) -> dict[str, Callable[[], object]]:
    curve: Any = _ECDSA[curve_name]
    key = ecdsa.SigningKey.generate(curve)
    public, signature = key.verifying_key, key.sign_digest(digest)
    point = public.to_string("uncompressed")
    other = ecdsa.SigningKey.generate(curve).verifying_key.to_string("uncompressed")
    read = partial(ecdsa.VerifyingKey.from_string, curve=curve)

    def agree() -> bytes:
        return bytes(ECDH(curve, key, read(other)).generate_sharedsecret_bytes())

    return {
        "sign": partial(key.sign_digest, digest),
        "verify": partial(public.verify_digest, signature, digest),
        "verify, new key": lambda: read(point).verify_digest(signature, digest),
        "ECDH": agree,
        "key pair": partial(ecdsa.SigningKey.generate, curve),
    }


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("curve", CURVES)
def test_curve(curve: str, operation: str, library: str, effort: Effort, report: Callable[..., None]) -> None:
    def contenders(stack: ExitStack) -> Sequence[Contender]:
        digest = os.urandom(CURVES[curve].field_bytes)
        blocks: dict[str, Block] = {
            "secmod": in_python(of_secmod(curve, digest)[operation]),
            "cryptography": in_python(of_cryptography(curve, digest)[operation]),
            "ecdsa": in_python(of_ecdsa(curve, digest)[operation]),
            LIBCRYPTO: stack.enter_context(
                Worker(program("libcrypto_peer"), _EVP_CURVES.get(curve, curve), _EVP[operation])
            ).block,
        }
        return [sized(name, block, effort.block_ns) for name, block in blocks.items()]

    report(f"{operation} · {curve}", library, contenders, peer=LIBCRYPTO, show="rate")


@pytest.mark.parametrize("library", ["secmod", "os.urandom", "libcrypto RAND_bytes (from C)"])
def test_random(library: str, effort: Effort, report: Callable[..., None]) -> None:
    peer = "libcrypto RAND_bytes (from C)"

    def contenders(stack: ExitStack) -> Sequence[Contender]:
        vault = Vault()
        blocks: dict[str, Block] = {
            "secmod": in_python(lambda: vault.random(32)),
            "os.urandom": in_python(lambda: os.urandom(32)),
            peer: stack.enter_context(Worker(program("libcrypto_peer"), "brainpoolP256r1", "random")).block,
        }
        return [sized(name, block, effort.block_ns) for name, block in blocks.items()]

    report("32 random bytes", library, contenders, peer=peer, show="rate")
