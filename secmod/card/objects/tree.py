# SPDX-License-Identifier: Apache-2.0
"""All objects of a card, built from its profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from secmod.apdu import SW
from secmod.card.access import compile_rule
from secmod.card.lifecycle import FileState, KeyState
from secmod.card.objects.data_object import DataObject, key_inventory, phase_code
from secmod.card.objects.directory import Directory
from secmod.card.objects.file import ElementaryFile, Mode
from secmod.card.objects.password import Password
from secmod.card.objects.private_key import PrivateKey
from secmod.card.objects.public_key import PublicKey
from secmod.crypto import CURVES, check_point
from secmod.errors import CardError, PointError, ProfileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from secmod.card.journal import Durable
    from secmod.card.lifecycle import LifeCycle
    from secmod.crypto import Curve, Vault
    from secmod.profile import Profile, model


class ObjectTree:
    """Files by place, keys by reference, data objects by tag.  Raises ProfileError if the profile names an unknown curve or a
    bad point.
    """

    def __init__(self, profile: Profile, lifecycle: LifeCycle, vault: Vault) -> None:
        self._profile = profile
        self.directories = self._build_directories()
        self.mf = self.directories[0]
        self.files = self._build_files(vault.deterministic)
        self.private_keys = {key.reference: self._private_key(key) for key in profile.private_keys}
        self.public_keys = {key.reference: self._public_key(key) for key in profile.public_keys}
        self.passwords = {entry.reference: Password(entry, vault) for entry in profile.passwords}
        values: dict[str, Callable[[], bytes]] = {
            "phase": lambda: phase_code(lifecycle),
            "key_inventory": lambda: key_inventory(self),
        }
        self.data_objects = {entry.tag: DataObject(entry, values[entry.content]) for entry in profile.data_objects}

    def private_key(self, reference: int) -> PrivateKey:
        """The private key's place.  Raises CardError 6A88 if there is none."""
        if reference not in self.private_keys:
            raise CardError(SW.REFERENCE_NOT_FOUND, f"no private key {reference:02X}")
        return self.private_keys[reference]

    def public_key(self, reference: int) -> PublicKey:
        """The public key's place.  Raises CardError 6A88 if there is none."""
        if reference not in self.public_keys:
            raise CardError(SW.REFERENCE_NOT_FOUND, f"no public key {reference:02X}")
        return self.public_keys[reference]

    def password(self, reference: int) -> Password:
        """The password.  Raises CardError 6A88 if there is none."""
        if reference not in self.passwords:
            raise CardError(SW.REFERENCE_NOT_FOUND, f"no password {reference:02X}")
        return self.passwords[reference]

    def wipe_ephemeral(self) -> None:
        """The private keys that live in RAM are gone: no session's outlives it."""
        for key in self.private_keys.values():
            if key.volatile:
                key.wipe()

    def wipe_volatile(self) -> None:
        """All keys that live in RAM are gone."""
        self.wipe_ephemeral()
        for public_key in self.public_keys.values():
            if public_key.volatile:
                public_key.wipe()

    def terminate(self) -> None:
        """Keys and passwords are gone for good, and the MF says so."""
        for places in (self.private_keys, self.public_keys, self.passwords):
            for place in places.values():
                place.wipe()
        self.mf.state = FileState.TERMINATED

    def satisfies(self, requirement: model.Requirement) -> bool:
        """Whether one of the requirement's keys is there as it says."""
        for key in self.private_keys.values():
            if key.name in requirement.keys and key.meets(active=requirement.active, made_in=requirement.made_in):
                return True
        return any(key.name in requirement.keys and key.present for key in self.public_keys.values())

    def damaged(self) -> list[str]:
        """Names of the objects whose checksum is wrong."""
        return [file.name for file in self.files if not file.intact and file.durable.damage is None]

    def lost(self) -> list[str]:
        """Names of the records that the store could not give back."""
        return [durable.record_name or "" for durable in self.durables() if durable.damage is not None]

    def durables(self) -> Iterator[Durable]:
        """The contents of all objects that commands change."""
        yield from (file.durable for file in self.files)
        yield from (key.durable for key in self.private_keys.values())
        yield from (key.durable for key in self.public_keys.values())
        for password in self.passwords.values():
            yield from password.durables

    def _build_directories(self) -> list[Directory]:
        built: dict[str, Directory] = {}
        for entry in self._profile.directories:
            parent = built[entry.parent] if entry.parent is not None else None
            directory = Directory(entry.name, entry.fid, entry.aid, FileState[entry.state.upper()], parent)
            if parent is not None:
                parent.directories.append(directory)
            built[entry.name] = directory
        return list(built.values())

    def _build_files(self, deterministic: bool) -> list[ElementaryFile]:  # noqa: FBT001  (a fact about the vault)
        directories = {directory.name: directory for directory in self.directories}
        files = []
        for entry in self._profile.files:
            directory = directories[entry.directory]
            content = bytearray(entry.content)
            if deterministic and entry.deterministic_flag is not None:
                content[entry.deterministic_flag] |= 0x01
            file = ElementaryFile(
                name=entry.name,
                fid=entry.fid,
                sfi=entry.sfi,
                size=entry.size,
                content=bytes(content),
                rules={mode: compile_rule(entry.rules[mode.value]) for mode in Mode},
                state=FileState[entry.state.upper()],
                directory=directory,
            )
            directory.files.append(file)
            files.append(file)
        return files

    def _curve(self, name: str, key: str) -> Curve:
        if name not in CURVES:
            raise ProfileError(f"profile {self._profile.name}: {key}: no curve {name!r}; the core has {', '.join(CURVES)}")
        return CURVES[name]

    def _private_key(self, entry: model.PrivateKey) -> PrivateKey:
        return PrivateKey(
            description=entry,
            curve=None if entry.curve is None else self._curve(entry.curve, entry.name),
            default_curve=self._curve(entry.default_curve, entry.name),
            rules={name: compile_rule(key_rule.rule) for name, key_rule in entry.rules.items()},
            states={
                name: None if key_rule.states is None else frozenset(KeyState[state.upper()] for state in key_rule.states)
                for name, key_rule in entry.rules.items()
            },
            state_after_generate=KeyState[entry.state_after_generate.upper()],
        )

    def _public_key(self, entry: model.PublicKey) -> PublicKey:
        curve = None if entry.curve is None else self._curve(entry.curve, entry.name)
        if curve is not None and entry.point is not None:
            try:
                check_point(curve, entry.point)
            except PointError as error:
                raise ProfileError(f"profile {self._profile.name}: {entry.name}: {error}") from None
        return PublicKey(entry, curve)
