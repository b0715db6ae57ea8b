# SPDX-License-Identifier: Apache-2.0
"""Algorithms by meaning, for both ends of the link; the work is done by the native core.

    curves.py     which curves there are, and their sizes
    vault.py      where secrets live, and random numbers come from
    secret.py     a secret as an opaque handle
    keys.py       a private key: its public point, sign, agree
    password.py   a password: compare
    store_key.py  a key of a store: secrets sealed, so that they can leave their vault and come back
    passphrase.py what a key from a passphrase costs
    handshake.py  a run of PACE, and the session keys that it yields
    random.py     the states of its generator, and the sources of its seeds
    erase.py      secrets that came as bytes
    ecdsa.py      checking of signatures and of points
    batch.py      many operations in one call
    hashes.py     SHA-2
    selftest.py   known-answer tests
    results.py    result codes of the core, as exceptions

A private key is made in a vault and never leaves it:

    with Vault() as vault:
        key = vault.generate(by_name("brainpoolP256r1"))
        signature = key.sign(sha256(b"message"))
        verify(key.curve, key.public_point, sha256(b"message"), signature)
"""

from __future__ import annotations

from secmod.crypto.batch import agree_many, sign_many, verify_many
from secmod.crypto.curves import CURVES, Curve, by_name, by_oid
from secmod.crypto.ecdsa import check_point, verify
from secmod.crypto.erase import erase
from secmod.crypto.hashes import sha256, sha384, sha512
from secmod.crypto.keys import PrivateKey
from secmod.crypto.passphrase import scrypt_cost
from secmod.crypto.password import Password
from secmod.crypto.random import RandomState
from secmod.crypto.store_key import StoreKey
from secmod.crypto.vault import Vault

__all__ = [
    "CURVES",
    "Curve",
    "Password",
    "PrivateKey",
    "RandomState",
    "StoreKey",
    "Vault",
    "agree_many",
    "by_name",
    "by_oid",
    "check_point",
    "erase",
    "scrypt_cost",
    "sha256",
    "sha384",
    "sha512",
    "sign_many",
    "verify",
    "verify_many",
]
