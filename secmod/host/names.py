# SPDX-License-Identifier: Apache-2.0
"""From the names of a card profile to references, tags and paths; a number stands for itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from secmod.crypto import CURVES, Curve
from secmod.errors import TransportError, UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from secmod.profile import Profile, model
    from secmod.table import Table

    _Entry = TypeVar("_Entry", model.PrivateKey, model.PublicKey, model.Password)


class Names:
    """What a profile calls things.  Raises UnknownNameError for a name that it does not have."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile

    def application(self) -> bytes | None:
        """The AID of the application."""
        return self.profile.application()

    def path(self, file: str) -> bytes:
        """The path of a file from the MF, without the MF's own identifier."""
        directories = {directory.name: directory for directory in self.profile.directories}
        for entry in self.profile.files:
            if file in (entry.name, f"{entry.directory}/{entry.name}"):
                path, directory = entry.fid.to_bytes(2), directories[entry.directory]
                while directory.parent is not None:
                    path = directory.fid.to_bytes(2) + path
                    directory = directories[directory.parent]
                return path
        raise self._unknown("file", file)

    def has_file(self, file: str) -> bool:
        """Whether there is a file of this name."""
        return any(entry.name == file for entry in self.profile.files)

    def private_key(self, key: str | int) -> tuple[int, str | None]:
        """Reference and, where the profile fixes it, the curve's name."""
        entry = _find(self.profile.private_keys, key)
        if entry is not None:
            return entry.reference, entry.curve
        return self._number("private key", key), None

    def public_key(self, key: str | int) -> int:
        """Reference of the place of a public key."""
        entry = _find(self.profile.public_keys, key)
        return entry.reference if entry is not None else self._number("public key", key)

    def is_public_key(self, key: str | int) -> bool:
        """Whether the profile has it among the public keys."""
        return _find(self.profile.public_keys, key) is not None

    def key_name(self, reference: int) -> str | None:
        """The name of the key, private or public, with this reference."""
        keys: tuple[model.PrivateKey | model.PublicKey, ...] = (*self.profile.private_keys, *self.profile.public_keys)
        return next((entry.name for entry in keys if entry.reference == reference), None)

    def ephemeral_keys(self) -> tuple[model.PrivateKey, ...]:
        """The places of private keys that live in RAM."""
        return tuple(entry for entry in self.profile.private_keys if entry.volatile)

    def authenticating_key(self) -> str:
        """The place of the public key that external authentication is verified with."""
        for entry in self.profile.public_keys:
            if entry.external_authenticate.conditions:
                return entry.name
        raise TransportError(f"profile {self.profile.name} has no key for external authentication")

    def algorithm(self, use: str, key: str | int | None = None, name: str | None = None) -> int:
        """The reference of an algorithm that signs or agrees ("sign", "agree"): the named one, or the key's first."""
        if name is not None:
            if name not in self.profile.algorithms:
                raise self._unknown("algorithm", name)
            return self.profile.algorithms[name].reference
        entry = None if key is None else _find(self.profile.private_keys, key)
        own = self.profile.algorithms if entry is None else entry.algorithms
        for candidate in (*own, *self.profile.algorithms):
            if self.profile.algorithms[candidate].use == use:
                return self.profile.algorithms[candidate].reference
        raise TransportError(f"profile {self.profile.name} has no algorithm to {use}")

    def password(self, password: str | int | None) -> int:
        """The reference of a password; of the profile's first one for None."""
        if password is None and self.profile.passwords:
            return self.profile.passwords[0].reference
        entry = _find(self.profile.passwords, password)
        return entry.reference if entry is not None else self._number("password", password)

    def tries(self, reference: int) -> int | None:
        """How many tries a password has at first; None if they are not limited."""
        entry = _find(self.profile.passwords, reference)
        return None if entry is None or not entry.retries else entry.retries

    def has_transport_value(self, reference: int) -> bool:
        """Whether the password is delivered with a value, to be changed."""
        entry = _find(self.profile.passwords, reference)
        return entry is not None and entry.transport is not None

    def data_object(self, content: str) -> int:
        """The tag of the data object with this content."""
        for entry in self.profile.data_objects:
            if entry.content == content:
                return entry.tag
        raise TransportError(f"profile {self.profile.name} has no data object for the {content.replace('_', ' ')}")

    def phase_code(self, letter: str) -> bytes:
        """The code of a phase, one byte."""
        if letter not in self.profile.phases:
            raise self._unknown("phase", letter)
        return bytes([self.profile.phases[letter].code])

    def phase_letter(self, code: int) -> str:
        """The letter of a phase; two hexadecimal digits for a code that the profile does not have."""
        return next((phase.letter for phase in self.profile.phases.values() if phase.code == code), f"{code:02X}")

    def first_change_moves(self, letter: str) -> bool:
        """Whether in this phase the change of a delivered password takes the module to another one."""
        return any(step.by == "change_password" and letter in step.origins for step in self.profile.transitions)

    def command(self, name: str) -> Table:
        """The parameters of a command."""
        if name not in self.profile.commands:
            raise TransportError(f"profile {self.profile.name} has no command {name}")
        return self.profile.commands[name].parameters.copy()

    def curve(self, name: str) -> Curve:
        """The curve of this name."""
        if name not in CURVES:
            raise UnknownNameError(f"no curve {name!r}; there is {', '.join(CURVES)}")
        return CURVES[name]

    def _number(self, kind: str, value: str | int | None) -> int:
        if isinstance(value, int):
            return value
        raise self._unknown(kind, value)

    def _unknown(self, kind: str, name: object) -> UnknownNameError:
        return UnknownNameError(f"profile {self.profile.name} has no {kind} {name!r}")


def _find(entries: Iterable[_Entry], key: object) -> _Entry | None:
    return next((entry for entry in entries if key in (entry.name, entry.reference)), None)


__all__ = ["Names"]
