# SPDX-License-Identifier: Apache-2.0
"""What a card profile says, as values.  Everything is checked when a `Profile` exists; nothing here acts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from secmod.table import Table

ALWAYS = "always"
NEVER = "never"


KEY_STATES = ("empty", "deactivated", "active", "terminated")
FILE_STATES = ("active", "deactivated", "terminated")
KEY_OPERATIONS = (
    "generate",
    "read_public",
    "activate",
    "deactivate",
    "terminate",
    "delete",
    "sign_active",
    "sign_deactivated",
    "agree_active",
)
DATA_CONTENTS = ("phase", "key_inventory")
CHARSETS = {"digits": b"0123456789"}
TRIGGERS = ("change_password", "put_data", "terminate_card_usage")
CERTIFICATE_KINDS = ("TLS", "SIG", "ENC")


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
    """A phase of the module's life; `code` is one byte.

    `commands` names all that work in it, None if there is no limit.  In a phase that is `terminated` the secrets are gone.
    """

    letter: str
    code: int
    name: str
    commands: tuple[str, ...] | None
    terminated: bool


@dataclass(frozen=True, slots=True)
class Requirement:
    """At least one of the named keys must be there: active or only present, and made in a phase if one is named."""

    keys: tuple[str, ...]
    active: bool
    made_in: str | None


@dataclass(frozen=True, slots=True)
class Transition:
    """A step from phase to phase; `by` names the command that takes it."""

    origins: tuple[str, ...]
    target: str
    by: str
    requires: tuple[Requirement, ...]


@dataclass(frozen=True, slots=True)
class PaceSuite:
    """A PACE protocol with its curve: `oid` are the value octets, `key_bytes` is 16, 24 or 32.

    `domain` is the standardised domain parameter id (TR-03110-3 A.2.1.1).
    """

    oid: bytes
    name: str
    curve: str
    domain: int
    key_bytes: int


@dataclass(frozen=True, slots=True)
class SecureMessaging:
    """`max_age` in seconds ends a session at its next command; 0 leaves that to the host."""

    allow_plain_data_object: bool
    max_age: int


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
    """A transparent elementary file of `size` bytes; `rules` has one for each of read and update.

    In a card with a deterministic generator, bit 1 of the byte at `deterministic_flag` is set; None: the file does not say it.
    """

    name: str
    directory: str
    fid: int
    sfi: int | None
    size: int
    content: bytes
    rules: Mapping[str, Rule]
    state: str
    deterministic_flag: int | None


@dataclass(frozen=True, slots=True)
class DataObject:
    """What GET DATA finds, and PUT DATA replaces, under a tag; `content` names where the value comes from."""

    tag: int
    content: str
    read: Rule
    write: Rule


@dataclass(frozen=True, slots=True)
class Password:
    """A PIN or PUK of `min` to `max` characters.

    `session` is what a PACE run with it proves, `transport_session` while it still has the maker's `transport` value.  A password
    without that value is empty at first.  `retries` is the start of its counter; 0 means unlimited.
    """

    name: str
    reference: int
    min: int
    max: int
    charset: bytes
    retries: int
    transport: bytes | None
    session: str
    transport_session: str | None
    pace: Rule
    change: Rule
    reset: Rule
    query: Rule


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
    """A place for a public key; `curve` and `point` are given if the module is delivered with it.

    A certificate for it must be verified by one of the keys `verifiers`, and be a CA's (`certificate_authority`) or an end
    entity's whose common name has the component `role`, of the `kind` that its key usage tells.  In the phases of
    `self_signed_in` a self-signed certificate needs no verifier.
    """

    name: str
    reference: int
    volatile: bool
    verify: Rule
    external_authenticate: Rule
    import_: Rule
    delete: Rule
    certificate_authority: bool
    role: str | None
    kind: str | None
    self_signed_in: tuple[str, ...]
    verifiers: tuple[int, ...]
    curve: str | None
    point: bytes | None


@dataclass(frozen=True, slots=True)
class Command:
    """A command the card has: its own rule, and its parameters, which the command itself reads."""

    name: str
    access: Rule
    parameters: Table


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A whole card as data; each loaded one is itself alone."""

    name: str
    version: str
    base: str
    transport: Transport
    phases: Mapping[str, Phase]
    initial_phase: str
    transitions: tuple[Transition, ...]
    alarm_commands: tuple[str, ...]
    proofs: frozenset[str]
    commands: Mapping[str, Command]
    algorithms: Mapping[str, Algorithm]
    pace: tuple[PaceSuite, ...]
    secure_messaging: SecureMessaging
    passwords: tuple[Password, ...]
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
    "CERTIFICATE_KINDS",
    "CHARSETS",
    "DATA_CONTENTS",
    "FILE_STATES",
    "KEY_OPERATIONS",
    "KEY_STATES",
    "NEVER",
    "TRIGGERS",
    "Algorithm",
    "Command",
    "DataObject",
    "Directory",
    "File",
    "KeyRule",
    "PaceSuite",
    "Password",
    "Phase",
    "PrivateKey",
    "Profile",
    "PublicKey",
    "Requirement",
    "Rule",
    "SecureMessaging",
    "Transition",
    "Transport",
]
