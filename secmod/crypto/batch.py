# SPDX-License-Identifier: Apache-2.0
"""Many independent operations in one call of the core: several times faster for each on CPUs with AVX512-IFMA.

Keys may be of any curves and vaults, and one may come more than once.  Each job has an outcome of its own, in the order of the
jobs: what the single operation returns, or the exception that it raises; a bad job does not disturb its neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Any

from secmod._native import ffi, lib
from secmod.crypto.curves import Curve
from secmod.crypto.keys import PrivateKey
from secmod.crypto.results import failure
from secmod.errors import CryptoError

# The structs of native/include/secmod.h, from `vault` to `result`, then byte arrays, then the compiler's padding.
SIGN = Struct("PQii64s128s0Q")
VERIFY = Struct("iiiii129s64s128s0i")
AGREE = Struct("PQii129s64s0Q")
GENERATE = Struct("PQii129s0Q")
_LONG = 0xFFFF  # a length that nothing has


def _address(vault: Any) -> int:
    """Where a vault of the core is."""
    return int(ffi.cast("uintptr_t", vault))


def _size(octets: bytes) -> int:
    """A length for the core: what is cut off in a row is too long for it in any case."""
    return min(len(octets), _LONG)


def _run(function: Any, name: str, rows: list[bytes]) -> bytearray:
    """The rows after the core has worked on them, one job each."""
    buffer = bytearray().join(rows)
    function(ffi.from_buffer(f"struct secmod_{name}_job[]", buffer, require_writable=True), len(rows))
    return buffer


def sign_many(jobs: Iterable[tuple[PrivateKey, bytes]]) -> list[bytes | CryptoError]:
    """The signature of each key for each hash, as `PrivateKey.sign` makes them."""
    jobs = list(jobs)  # keys stay alive until all is done
    rows = [SIGN.pack(_address(key.vault), key.handle, _size(digest), 0, digest, b"") for key, digest in jobs]
    done = _run(lib.secmod_ecdsa_sign_many, "sign", rows)
    return [
        failure(code) if code else signature[: key.curve.signature_bytes]
        for (key, _), (_, _, _, code, _, signature) in zip(jobs, SIGN.iter_unpack(done), strict=True)
    ]


def verify_many(jobs: Iterable[tuple[Curve, bytes, bytes, bytes]]) -> list[CryptoError | None]:
    """None for each good signature: curve, point, hash and r || s, as `verify` takes them."""
    rows = [
        VERIFY.pack(curve.index, _size(point), _size(digest), _size(signature), 0, point, digest, signature)
        for curve, point, digest, signature in jobs
    ]
    done = _run(lib.secmod_ecdsa_verify_many, "verify", rows)
    return [failure(code) if code else None for _, _, _, _, code, _, _, _ in VERIFY.iter_unpack(done)]


def agree_many(jobs: Iterable[tuple[PrivateKey, bytes]]) -> list[bytes | CryptoError]:
    """The shared value Z of each key with each foreign point, as `PrivateKey.agree` makes them."""
    jobs = list(jobs)
    rows = [AGREE.pack(_address(key.vault), key.handle, _size(point), 0, point, b"") for key, point in jobs]
    done = _run(lib.secmod_ecka_agree_many, "agree", rows)
    return [
        failure(code) if code else z[: key.curve.field_bytes]
        for (key, _), (_, _, _, code, _, z) in zip(jobs, AGREE.iter_unpack(done), strict=True)
    ]


def generate_many(vault: Any, curves: Iterable[Curve]) -> list[PrivateKey | CryptoError]:
    """A fresh private key of each curve in a vault of the core; `Vault.generate_many` is the way here."""
    curves = list(curves)
    rows = [GENERATE.pack(_address(vault), 0, curve.index, 0, b"") for curve in curves]
    done = _run(lib.secmod_key_generate_many, "generate", rows)
    return [
        failure(code) if code else PrivateKey(vault, handle, curve, point[: curve.point_bytes])
        for curve, (_, handle, _, code, point) in zip(curves, GENERATE.iter_unpack(done), strict=True)
    ]


__all__ = ["agree_many", "generate_many", "sign_many", "verify_many"]
