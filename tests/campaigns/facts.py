# SPDX-License-Identifier: Apache-2.0
"""What a module is, all of it: as a client knows it that has kept book, and as it is found after a crash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Self

from secmod.card import Card
from secmod.crypto import verify
from secmod.errors import CryptoError

ANY = b"any point"  # of a key whose public key has not been told yet
DIGEST = sha256(b"is this key the one?").digest()


@dataclass(frozen=True, slots=True)
class Key:
    """A private key's place: life cycle state, phase it was made in, public point; whether it makes signatures that fit."""

    state: int = 0
    made_in: str | None = None
    point: bytes | None = None
    works: bool = True

    def fits(self, found: Key) -> bool:
        """Whether what is found is this; any working key will do where the point is not known."""
        if self.point == ANY:
            return found.point is not None and found.works and (self.state, self.made_in) == (found.state, found.made_in)
        return self == found


@dataclass(frozen=True, slots=True)
class Secret:
    """A password: its state, tries left, and value."""

    state: str
    tries: int | None
    value: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """A module: phase, passwords and private keys by reference, points of public keys, files by name, state of the MF.

    `since` is the time that it knows to have passed.
    """

    phase: str
    passwords: Mapping[int, Secret]
    keys: Mapping[int, Key]
    points: Mapping[int, bytes | None]
    files: Mapping[str, bytes]
    master_file: int
    since: datetime | None = None
    damaged: tuple[str, ...] = field(default=())

    def fits(self, found: Facts) -> bool:
        """Whether what is found is this."""
        return (
            replace(self, keys=found.keys) == found
            and self.keys.keys() == found.keys.keys()
            and all(key.fits(found.keys[reference]) for reference, key in self.keys.items())
        )

    def differences(self, found: Facts) -> list[str]:
        """What is found otherwise, in words."""
        told = [
            f"{name} is {getattr(found, name)!r}, not {getattr(self, name)!r}"
            for name in ("phase", "master_file", "since", "damaged")
            if getattr(self, name) != getattr(found, name)
        ]
        for name in ("passwords", "keys", "points", "files"):
            mine, theirs = getattr(self, name), getattr(found, name)
            for place in mine.keys() | theirs.keys():
                one, other = mine.get(place), theirs.get(place)
                if one != other and not (isinstance(one, Key) and isinstance(other, Key) and one.fits(other)):
                    told.append(
                        f"{name}[{place if isinstance(place, str) else f'{place:02X}'}] is {_short(other)}, not {_short(one)}"
                    )
        return told

    def with_password(self, reference: int, **changed: Any) -> Self:
        """The same, with another state, value or number of tries of a password."""
        return replace(self, passwords={**self.passwords, reference: replace(self.passwords[reference], **changed)})

    def with_key(self, reference: int, key: Key) -> Self:
        """The same, with another private key in a place."""
        return replace(self, keys={**self.keys, reference: key})

    def with_point(self, reference: int, point: bytes | None) -> Self:
        """The same, with another public key in a place."""
        return replace(self, points={**self.points, reference: point})

    def with_file(self, name: str, content: bytes) -> Self:
        """The same, with another content of a file."""
        return replace(self, files={**self.files, name: content})


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 120 else f"{text[:100]}… ({len(text)})"


def facts_of(card: Card, guesses: Mapping[int, tuple[str, ...]]) -> Facts:
    """What a card in this process is, looked at from inside; `guesses` are values that its passwords may have."""
    tree = card._state.tree
    passwords = {}
    for reference, password in tree.passwords.items():
        content = password._content
        secret = content.secret
        found = [value for value in guesses.get(reference, ()) if secret is not None and secret.matches(value.encode())]
        value = found[0] if found else None if secret is None else "of another value"
        passwords[reference] = Secret(content.state.value, content.tries, value)
    return Facts(
        phase=card._state.security_status.phase,
        passwords=passwords,
        keys={key.reference: _key(key._content) for key in tree.private_keys.values() if not key.volatile},
        points={key.reference: key._content.point for key in tree.public_keys.values() if not key.volatile},
        files={file.name: file._content.data for file in tree.files},
        master_file=int(tree.mf.state),
        since=card.clock._proven,
        damaged=tuple(card._state.failed_self_tests()),
    )


def _key(content: Any) -> Key:
    secret = content.secret
    if secret is None:
        return Key(int(content.state), content.made_in)
    try:
        verify(secret.curve, secret.public_point, DIGEST, secret.sign(DIGEST))
    except CryptoError:
        return Key(int(content.state), content.made_in, secret.public_point, works=False)
    return Key(int(content.state), content.made_in, secret.public_point)
