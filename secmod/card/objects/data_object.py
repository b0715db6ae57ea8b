# SPDX-License-Identifier: Apache-2.0
"""Data objects that GET DATA reads (ISO/IEC 7816-4 clause 11.4.3)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from secmod.apdu import SW, Tlv
from secmod.card.access import Rule, compile_rule, evaluate
from secmod.card.lifecycle import KeyState
from secmod.card.objects.file import Mode
from secmod.errors import CardError

if TYPE_CHECKING:
    from collections.abc import Callable

    from secmod.card.lifecycle import LifeCycle
    from secmod.card.objects.tree import ObjectTree
    from secmod.card.security_status import SecurityStatus
    from secmod.crypto import Curve
    from secmod.profile import model


class DataObject:
    """A value under a tag, made when it is read; `content` says what it is."""

    __slots__ = ("_rules", "_value", "content", "tag")

    def __init__(self, description: model.DataObject, value: Callable[[], bytes]) -> None:
        self.tag = description.tag
        self.content = description.content
        self._rules: dict[Mode, Rule] = {
            Mode.READ: compile_rule(description.read),
            Mode.UPDATE: compile_rule(description.write),
        }
        self._value = value

    def open(self, mode: Mode, status: SecurityStatus) -> bytes:
        """The value field.  Raises CardError 6982 if the rule is not satisfied."""
        if not evaluate(self._rules[mode], status):
            raise CardError(SW.SECURITY_STATUS, f"{mode.value} of data object {self.tag:04X} is not allowed now")
        return self._value()


def phase_code(lifecycle: LifeCycle) -> bytes:
    """The module's phase, one byte; 6F00 if the store could not tell it."""
    if lifecycle.damage is not None:
        raise CardError(SW.NO_DIAGNOSIS, f"the phase is not known: {lifecycle.damage}")
    return bytes([lifecycle.phase.code])


def key_inventory(tree: ObjectTree) -> bytes:
    """One template E2 for each key: reference (84 private, 83 public), state 8A, curve 06, and 04 with the first four bytes of
    the SHA-256 of its point.
    """
    entries = [_entry(0x84, key.reference, *key.summary()) for key in tree.private_keys.values()]
    for public_key in tree.public_keys.values():
        curve, point = public_key.summary()
        entries.append(_entry(0x83, public_key.reference, KeyState.EMPTY if point is None else KeyState.ACTIVE, curve, point))
    return b"".join(entries)


def _entry(reference_tag: int, reference: int, state: KeyState, curve: Curve | None, point: bytes | None) -> bytes:
    parts = [Tlv(reference_tag, bytes([reference])), Tlv(0x8A, bytes([state]))]
    if curve is not None and point is not None:
        parts += [Tlv(0x06, curve.oid), Tlv(0x04, hashlib.sha256(point).digest()[:4])]
    return Tlv(0xE2, b"".join(part.encode() for part in parts)).encode()
