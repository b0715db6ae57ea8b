# SPDX-License-Identifier: Apache-2.0
"""ECDSA without a vault: checking points (TR-03111 clause 4.3.1) and signatures (clause 4.2.1)."""

from __future__ import annotations

from secmod._native import ffi, lib
from secmod.crypto.curves import Curve
from secmod.crypto.results import failure


def check_point(curve: Curve, point: bytes) -> None:
    """Raise PointError unless `point` is an uncompressed point of the curve: 04 X Y, coordinates below p, equation satisfied."""
    if code := lib.secmod_point_check(curve.index, point, len(point)):
        raise failure(code)


def verify(curve: Curve, point: bytes, digest: bytes, signature: bytes) -> None:
    """Raise SignatureError unless `signature` (r || s) is the key's signature of the hash; PointError for a bad public key.

    `digest` has 1 to 64 bytes, of which the leftmost bits up to the length of n count; another length is a CryptoError.
    """
    code = lib.secmod_ecdsa_verify(curve.index, point, len(point), digest, len(digest), signature, len(signature))
    if code:
        raise failure(code)


def sign_known(curve: Curve, scalar: bytes, digest: bytes, nonce: bytes = b"") -> bytes:
    """For known-answer tests: the signature r || s by a private scalar, with this nonce or else with that of RFC 6979.

    Both numbers are big-endian, field_bytes long, in [1, n-1], else CryptoError.
    """
    signature, length = ffi.new("uint8_t[]", curve.signature_bytes), ffi.new("size_t *", curve.signature_bytes)
    code = lib.secmod_ecdsa_sign_known(
        curve.index, scalar, len(scalar), nonce, len(nonce), digest, len(digest), signature, length
    )
    if code:
        raise failure(code)
    return bytes(ffi.buffer(signature))


__all__ = ["check_point", "sign_known", "verify"]
