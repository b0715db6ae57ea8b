# SPDX-License-Identifier: Apache-2.0
"""NIST's CAVP files for P-256 and P-384, whole, from the package `cryptography-vectors`: one by one, and in batches."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

import pytest
from cryptography_vectors import open_vector_file

from secmod.crypto import Curve, PrivateKey, Vault, agree_many, by_name, check_point, verify_many
from secmod.crypto.ecdsa import sign_known
from secmod.errors import CryptoError, PointError, SignatureError

CURVES = {"P-256": "secp256r1", "EC": "secp256r1", "P-384": "secp384r1", "ED": "secp384r1"}
Case = tuple[Curve, str, dict[str, str]]


def cases(name: str) -> Iterator[Case]:
    """Curve, hash function and fields of each block of a response file, for our curves."""
    curve, sha = "", ""
    with open_vector_file(f"asymmetric/{name}", "r") as file:
        for block in re.split(r"\n\s*\n", file.read().replace("\r", "")):
            for head in re.finditer(r"^\[(P-\d+|E[A-E])(?:,| - )?([\w-]*)\]$", block, re.MULTILINE):
                curve, sha = head[1], head[2].replace("SHA-", "SHA").lower()
            fields = dict(re.findall(r"^(\w+) = (.*)$", block, re.MULTILINE))
            if fields and curve in CURVES:
                yield by_name(CURVES[curve]), sha, fields


def number(curve: Curve, value: str) -> bytes:
    return int(value, 16).to_bytes(curve.field_bytes, "big")


def point(curve: Curve, x: str, y: str) -> bytes:
    size = (max(len(x), len(y), 2 * curve.field_bytes) + 1) // 2  # some are too long on purpose
    return b"\x04" + b"".join(int(value, 16).to_bytes(size, "big") for value in (x, y))


@pytest.mark.parametrize("folder", ["FIPS_186-2", "FIPS_186-3"])
def test_key_pairs(vault: Vault, folder: str):
    pairs = [case for case in cases(f"ECDSA/{folder}/KeyPair.rsp") if "d" in case[2]]
    assert len(pairs) == 20
    for curve, _, fields in pairs:
        key = vault.import_key(curve, number(curve, fields["d"]))
        assert key.public_point == point(curve, fields["Qx"], fields["Qy"])
        key.release()


@pytest.mark.parametrize("folder", ["FIPS_186-2", "FIPS_186-3"])
def test_public_keys(folder: str):
    keys = [case for case in cases(f"ECDSA/{folder}/PKV.rsp") if "Qx" in case[2]]
    assert len(keys) == 24
    for curve, _, fields in keys:
        octets = point(curve, fields["Qx"], fields["Qy"])
        if fields["Result"].startswith("P"):
            check_point(curve, octets)
        else:
            with pytest.raises(PointError):
                check_point(curve, octets)


@pytest.mark.parametrize(("folder", "count"), [("FIPS_186-2", 30), ("FIPS_186-3", 150)])
def test_signatures_with_known_nonces(folder: str, count: int):
    signatures = [case for case in cases(f"ECDSA/{folder}/SigGen.txt") if "k" in case[2]]
    assert len(signatures) == count
    jobs = []
    for curve, sha, fields in signatures:
        digest = hashlib.new(sha or "sha1", bytes.fromhex(fields["Msg"])).digest()
        expected = number(curve, fields["R"]) + number(curve, fields["S"])
        assert sign_known(curve, number(curve, fields["d"]), digest, number(curve, fields["k"])) == expected
        jobs.append((curve, point(curve, fields["Qx"], fields["Qy"]), digest, expected))
    assert verify_many(jobs) == [None] * count


@pytest.mark.parametrize(("folder", "count"), [("FIPS_186-2", 30), ("FIPS_186-3", 150)])
def test_verification(folder: str, count: int):
    signatures = [case for case in cases(f"ECDSA/{folder}/SigVer.rsp") if "R" in case[2]]
    assert len(signatures) == count
    outcomes = verify_many(
        (
            curve,
            point(curve, fields["Qx"], fields["Qy"]),
            hashlib.new(sha or "sha1", bytes.fromhex(fields["Msg"])).digest(),
            number(curve, fields["R"]) + number(curve, fields["S"]),
        )
        for curve, sha, fields in signatures
    )
    for (_, _, fields), outcome in zip(signatures, outcomes, strict=True):
        good = fields["Result"].startswith("P")
        assert (outcome is None) == good, fields
        assert good or isinstance(outcome, SignatureError | PointError)


@pytest.mark.parametrize("role", ["init", "resp"])
def test_agreements(vault: Vault, role: str):
    agreements = [case for case in cases(f"ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_{role}.fax") if "Z" in case[2]]
    assert len(agreements) == 60
    jobs: list[tuple[PrivateKey, bytes]] = []
    for curve, _, fields in agreements:
        jobs.append((vault.import_key(curve, number(curve, fields["dsIUT"])), point(curve, fields["QsCAVSx"], fields["QsCAVSy"])))
    refused = 0
    for (_, _, fields), outcome in zip(agreements, agree_many(jobs), strict=True):
        if isinstance(outcome, CryptoError):
            assert fields["Result"].startswith("F")
            refused += 1
        elif fields["Result"].startswith("P"):
            assert outcome.hex() == fields["Z"]
    assert refused > 0
