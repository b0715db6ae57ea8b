# SPDX-License-Identifier: Apache-2.0
"""The curves that the core offers (native/curves.toml): over prime fields, with cofactor 1 (TR-03111 clause 4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from secmod._native import ffi, lib
from secmod.errors import CryptoError


@dataclass(frozen=True, slots=True)
class Curve:
    """A named curve: object identifier (value octets, without tag and length), sizes, and `index`, the core's number for it."""

    name: str
    oid: bytes
    field_bytes: int
    bits: int
    index: int

    @property
    def point_bytes(self) -> int:
        """Length of an uncompressed point, 04 X Y."""
        return 1 + 2 * self.field_bytes

    @property
    def signature_bytes(self) -> int:
        """Length of a plain signature, r || s."""
        return 2 * self.field_bytes


def core() -> str:
    """The code that curves are computed with: `lanes`, `adx` or `portable`; the fastest of this CPU, or that of SECMOD_CORE."""
    name: bytes = ffi.string(lib.secmod_core())
    return name.decode("ascii")


def _ask(index: int) -> Curve:
    row = ffi.new("struct secmod_curve *")
    lib.secmod_curve_get(index, row)
    oid = bytes(ffi.buffer(row.oid, row.oid_length))
    return Curve(ffi.string(row.name).decode("ascii"), oid, int(row.field_bytes), int(row.bits), index)


_TABLE = tuple(_ask(index) for index in range(lib.secmod_curve_count()))

CURVES: Mapping[str, Curve] = MappingProxyType({curve.name: curve for curve in _TABLE})

_BY_OID: Mapping[bytes, Curve] = MappingProxyType({curve.oid: curve for curve in _TABLE})


def by_oid(oid: bytes) -> Curve | None:
    """The curve with these OID value octets, None if the core has no such curve."""
    return _BY_OID.get(oid)


def by_name(name: str) -> Curve:
    """The curve of this name (RFC 5639, SEC 2); CryptoError with the known names if there is none."""
    try:
        return CURVES[name]
    except KeyError:
        raise CryptoError(f"no curve is called {name!r}; there are {', '.join(CURVES)}") from None


__all__ = ["CURVES", "Curve", "by_name", "by_oid", "core"]
