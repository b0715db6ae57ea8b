# SPDX-License-Identifier: Apache-2.0
"""What a card profile says, as values.  Everything is checked when a `Profile` exists; nothing here acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secmod.profile.table import Table

ALWAYS = "always"
NEVER = "never"


KEY_STATES = ("empty", "deactivated", "active", "terminated")
FILE_STATES = ("active", "deactivated", "terminated")
KEY_OPERATIONS = (
    "generate",
    "read_public",
    "sign_active",
    "sign_deactivated",
)
DATA_CONTENTS = ("phase", "key_inventory")


@dataclass(frozen=True, slots=True)
class Transport:
    """How the card is reached: `protocol` is T0 or T1, `atrs` holds an ATR for each (2 to 33 bytes); limits in bytes."""

    protocol: str
    atrs: Mapping[str, bytes]
    max_command: int
    max_response: int
    extended_length: bool


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the module's life; `code` is one byte."""

    letter: str
    code: int
    name: str


@dataclass(frozen=True, slots=True)
class Rule:
    """The condition for each phase, in the words of the profile; a missing phase means "never"."""

    conditions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class KeyRule:
    """Who may do an operation with a key, and in which states of the key it makes sense (`None`: the state is in the name)."""

    rule: Rule
    states: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A mechanism as MANAGE SECURITY ENVIRONMENT names it: by one byte or by object identifier.

    `use` is "sign" or "agree"; `oids` maps the value octets to the hash length they fix in bytes (0: none).
    """

    name: str
    use: str
    reference: int
    oids: Mapping[bytes, int]


@dataclass(frozen=True, slots=True)
class Directory:
    """A dedicated file; `aid` has 5 to 16 bytes.  The one without parent is the MF."""

    name: str
    parent: str | None
    fid: int
    aid: bytes
    application: bool
    state: str


@dataclass(frozen=True, slots=True)
class File:
    """A transparent elementary file of `size` bytes; `rules` has one for each of read and update."""

    name: str
    directory: str
    fid: int
    sfi: int | None
    size: int
    content: bytes
    rules: Mapping[str, Rule]
    state: str


@dataclass(frozen=True, slots=True)
class DataObject:
    """What GET DATA finds under a tag; `content` names where the value comes from."""

    tag: int
    content: str
    read: Rule


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A place for a private key; `curve` is None if the command may choose one."""

    name: str
    reference: int
    curve: str | None
    default_curve: str
    algorithms: tuple[str, ...]
    state_after_generate: str
    volatile: bool
    rules: Mapping[str, KeyRule]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A place for a public key; `curve` and `point` are given if the module is delivered with it."""

    name: str
    reference: int
    volatile: bool
    verify: Rule
    curve: str | None
    point: bytes | None


@dataclass(frozen=True, slots=True)
class Command:
    """A command the card has: its own rule, and its parameters, which the command itself reads."""

    name: str
    access: Rule
    parameters: Table


@dataclass(frozen=True, slots=True)
class Profile:
    """A whole card as data."""

    name: str
    version: str
    base: str
    transport: Transport
    phases: Mapping[str, Phase]
    initial_phase: str
    proofs: frozenset[str]
    commands: Mapping[str, Command]
    algorithms: Mapping[str, Algorithm]
    directories: tuple[Directory, ...]
    files: tuple[File, ...]
    data_objects: tuple[DataObject, ...]
    private_keys: tuple[PrivateKey, ...]
    public_keys: tuple[PublicKey, ...]

    def application(self) -> bytes | None:
        """The AID that a host selects first."""
        return next((directory.aid for directory in self.directories if directory.application), None)


__all__ = [
    "ALWAYS",
    "DATA_CONTENTS",
    "FILE_STATES",
    "KEY_OPERATIONS",
    "KEY_STATES",
    "NEVER",
    "Algorithm",
    "Command",
    "DataObject",
    "Directory",
    "File",
    "KeyRule",
    "Phase",
    "PrivateKey",
    "Profile",
    "PublicKey",
    "Rule",
    "Transport",
]
