# SPDX-License-Identifier: Apache-2.0
"""The core beside the plain Python twin: edges of scalars and points, exceptions of the group law, and random numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secmod.crypto import Curve, PrivateKey, Vault, agree_many, check_point, sign_many, verify, verify_many
from secmod.crypto.ecdsa import sign_known
from secmod.errors import CryptoError, PointError, SignatureError
from tests.reference import curves as twin

DIGEST = hashlib.sha512(b"edges").digest()


@pytest.fixture(scope="module")
def plain(curve: Curve) -> twin.Curve:
    """The twin of the curve."""
    return twin.curve_of(curve.name)


def edges(n: int, bits: int) -> list[int]:
    """Scalars in [1, n - 1]: at both ends, around half and the powers of 2, of low and of high Hamming weight."""
    found = {*range(1, 9), *range(n - 9, n), n // 2, n // 2 + 1}
    found |= {(1 << i) + j for i in range(3, bits, 29) for j in (-1, 0, 1)}
    found |= {n - (1 << i) for i in range(5, bits - 1, 41)}
    found |= {n - 2 * (n % (1 << w)) for w in range(4, 8)}  # the last addition of a window method doubles
    found |= {int("55" * (bits // 8), 16), (1 << bits - 1) - 1, (1 << bits - 1) - (1 << bits // 2)}
    return sorted(k for k in found if 0 < k < n)


def octets(curve: Curve, number: int) -> bytes:
    return number.to_bytes(curve.field_bytes, "big")


def known(vault: Vault, curve: Curve, scalar: int) -> PrivateKey:
    return vault.import_key(curve, octets(curve, scalar))


def small_points(plain: twin.Curve, count: int) -> Iterator[tuple[int, int]]:
    """The points of the smallest x, both of each."""
    x = 0
    while count > 0:
        square = (x**3 + plain.a * x + plain.b) % plain.p
        y = pow(square, (plain.p + 1) // 4, plain.p)
        if y * y % plain.p == square:
            yield x, y
            yield x, plain.p - y
            count -= 1
        x += 1


def test_public_points_of_edge_scalars(vault: Vault, curve: Curve, plain: twin.Curve):
    for k in edges(plain.n, curve.bits):
        key = known(vault, curve, k)
        assert key.public_point == plain.encode(plain.multiply(k, plain.g)), hex(k)
        key.release()


def test_scalars_out_of_range_are_refused(vault: Vault, curve: Curve, plain: twin.Curve):
    top = (1 << 8 * curve.field_bytes) - 1
    for k in (0, plain.n, plain.n + 1, plain.p, top, top - 1):
        if k in range(1, plain.n) or k > top:
            continue
        with pytest.raises(CryptoError, match="scalar"):
            known(vault, curve, k)
        with pytest.raises(CryptoError, match="scalar"):
            sign_known(curve, octets(curve, 1), DIGEST, octets(curve, k))


def test_agreements_of_edge_scalars_and_points(vault: Vault, curve: Curve, plain: twin.Curve):
    points = [*small_points(plain, 3), plain.g, (plain.g[0], plain.p - plain.g[1])]
    scalars = edges(plain.n, curve.bits)[::3]
    jobs = [(known(vault, curve, k), points[i % len(points)]) for i, k in enumerate(scalars)]
    expected = [
        plain.encode(plain.multiply(k, point))[1 : 1 + curve.field_bytes] for k, (_, point) in zip(scalars, jobs, strict=True)
    ]
    assert [key.agree(plain.encode(point)) for key, point in jobs] == expected
    assert agree_many([(key, plain.encode(point)) for key, point in jobs]) == expected


def test_signatures_of_edge_keys_and_nonces(curve: Curve, plain: twin.Curve):
    scalars = edges(plain.n, curve.bits)[::3]
    for i, k in enumerate(scalars):
        d = scalars[i * 7 % len(scalars)]
        digest = (DIGEST, bytes(32), b"\xff" * 64, DIGEST[: 1 + i % 64])[i % 4]
        r, s = plain.sign(d, k, digest)
        if s != 0:
            assert sign_known(curve, octets(curve, d), digest, octets(curve, k)) == octets(curve, r) + octets(curve, s)


def test_verification_where_the_sum_is_exceptional(curve: Curve, plain: twin.Curve):
    """u1 G + u2 Q with equal and opposite summands, with u1 = 0, with an infinite sum, and Q = G, -G, 2G."""
    n, jobs, expected = plain.n, [], []
    for d in (1, 2, n - 1, 0xC0FFEE):
        q = plain.multiply(d, plain.g)
        for k in (1, 2, n - 1, 0xBEEF):
            point = plain.multiply(k, plain.g)
            assert point is not None
            r = point[0] % n
            for e, s in ((r * d % n, 2 * r * d * pow(k, -1, n) % n), (-r * d % n, 5), (0, r * d * pow(k, -1, n) % n), (7, 11)):
                if s == 0:
                    continue
                jobs.append((curve, plain.encode(q), octets(curve, e), octets(curve, r) + octets(curve, s)))
                expected.append(plain.verify(q, octets(curve, e), r, s))
    assert 0 < sum(expected) < len(expected)
    outcomes = verify_many(jobs)
    assert [outcome is None for outcome in outcomes] == expected
    for job, good in zip(jobs, expected, strict=True):
        for _ in range(2):  # the second time its key is remembered
            if good:
                verify(*job)
            else:
                with pytest.raises(SignatureError):
                    verify(*job)


def test_points_at_the_edge_of_the_field(curve: Curve, plain: twin.Curve):
    for x, y in small_points(plain, 3):
        check_point(curve, plain.encode((x, y)))
        for other in ((x, y + plain.p), (x + plain.p, y), (y, x), (x, (y + 1) % plain.p), (plain.p - 1 - x, y)):
            if max(other) >> 8 * curve.field_bytes or (plain.has(other) and max(other) < plain.p):
                continue
            with pytest.raises(PointError):
                check_point(curve, plain.encode(other))


@settings(deadline=None, max_examples=10)
@given(data=st.data())
def test_random_numbers(vault: Vault, curve: Curve, plain: twin.Curve, data: st.DataObject):
    d, k, other = (data.draw(st.integers(1, plain.n - 1)) for _ in range(3))
    digest = data.draw(st.binary(min_size=1, max_size=64))
    key, point = known(vault, curve, d), plain.multiply(other, plain.g)
    assert key.public_point == plain.encode(plain.multiply(d, plain.g))
    assert key.agree(plain.encode(point)) == plain.encode(plain.multiply(d, point))[1 : 1 + curve.field_bytes]
    r, s = plain.sign(d, k, digest)
    assert sign_known(curve, octets(curve, d), digest, octets(curve, k)) == octets(curve, r) + octets(curve, s)
    [signature, again] = sign_many([(key, digest), (key, digest)])
    assert isinstance(signature, bytes)
    assert signature != again
    r, s = int.from_bytes(signature[: curve.field_bytes], "big"), int.from_bytes(signature[curve.field_bytes :], "big")
    assert plain.verify(plain.decode(key.public_point), digest, r, s)
    key.release()
