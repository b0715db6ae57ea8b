# SPDX-License-Identifier: Apache-2.0
"""The store's key: random, wrapped under another that a passphrase or a key file yields, so that this one can change alone."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from secmod.crypto import StoreKey, Vault, scrypt_cost
from secmod.errors import CryptoError, SealError, StoreDamagedError, StoreKeyError
from secmod.store.database import BACK
from secmod.store.folder import open_key_file

if TYPE_CHECKING:
    from secmod.store.folder import Folder

KEY_NAME = "key"
NEXT_KEY_NAME = "key.next"  # a key file that is to replace the other one, until it does
_SALT_BYTES = 16
_WRAPPED = b"secmod store key"
_LOG2_N = range(15, 20)  # what scrypt's cost may be: more would only mean that somebody has changed it


@dataclass(frozen=True, slots=True)
class Passphrase:
    """The key comes from a passphrase, by scrypt."""

    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyFile:
    """The key is in a file of 32 bytes, 0600, made on first use; without a path it is `key` in the store's directory."""

    path: Path | None = None


KeySource: TypeAlias = Passphrase | KeyFile


@dataclass(frozen=True, slots=True)
class Header:
    """What must be known to open a store: its identifier (16 bytes), where its key comes from, and that key's own wrapping."""

    identifier: bytes
    kind: str
    salt: bytes
    log2_n: int
    wrapped: bytes

    def encode(self) -> bytes:
        """As JSON."""
        content = {
            "id": self.identifier.hex(),
            "key": self.kind,
            "salt": self.salt.hex(),
            "log2_n": self.log2_n,
            "wrapped": self.wrapped.hex(),
        }
        return json.dumps(content, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, octets: bytes) -> Header:
        """From JSON that nobody has checked yet.  StoreDamagedError if it is none."""
        try:
            content = json.loads(octets)
            header = cls(
                bytes.fromhex(content["id"]),
                str(content["key"]),
                bytes.fromhex(content["salt"]),
                int(content["log2_n"]),
                bytes.fromhex(content["wrapped"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            raise StoreDamagedError("the header of the store is damaged") from None
        if header.kind not in ("passphrase", "file") or header.log2_n not in _LOG2_N or len(header.salt) != _SALT_BYTES:
            raise StoreDamagedError("the header of the store is damaged")
        return header


def make(identifier: bytes, source: KeySource, folder: Folder, vault: Vault) -> tuple[Header, StoreKey]:
    """A header for a new store, and its key."""
    key = vault.store_key()
    if isinstance(source, KeyFile):
        return rewrap(identifier, key, _from_file(source, folder, vault, make_one=True)), key
    return rewrap(identifier, key, source), key


def rewrap(identifier: bytes, key: StoreKey, source: Passphrase | StoreKey) -> Header:
    """A header that gives the key to whoever has the passphrase, or the key file that this other key is from."""
    context = _WRAPPED + identifier
    if isinstance(source, StoreKey):
        return Header(identifier, "file", bytes(_SALT_BYTES), _LOG2_N[0], source.wrap(key, context))
    salt, cost = os.urandom(_SALT_BYTES), scrypt_cost()
    with Vault() as vault:
        outer = _from_passphrase(source, salt, cost, vault)
        return Header(identifier, "passphrase", salt, cost, outer.wrap(key.copy_to(vault), context))


def unlock(header: Header, source: KeySource, folder: Folder, vault: Vault) -> StoreKey:
    """The store's key.  StoreKeyError if this is not the passphrase or key file that it takes."""
    if isinstance(source, Passphrase):
        if header.kind != "passphrase":
            raise StoreKeyError(
                f"{folder.path}: this store takes a key file, not a passphrase: leave it out, or name the file: --key-file"
            )
        return _unwrap(header, _from_passphrase(source, header.salt, header.log2_n, vault), folder)
    if header.kind != "file":
        raise StoreKeyError(f"{folder.path}: this store takes a passphrase; name where it is: --passphrase-file, -env or -fd")
    return _unlock_by_file(header, source, folder, vault)


def _unlock_by_file(header: Header, source: KeyFile, folder: Folder, vault: Vault) -> StoreKey:
    """By the key file; or by the one that was about to take its place when the process ended, which it then does."""
    waiting = source.path is None and folder.exists(NEXT_KEY_NAME)
    try:
        key = _unwrap(header, _from_file(source, folder, vault, make_one=False), folder)
    except StoreKeyError:
        if not waiting:
            raise
        fd = folder.open(NEXT_KEY_NAME, os.O_RDONLY)
        try:
            key = _unwrap(header, _read(folder.path / NEXT_KEY_NAME, fd, vault), folder)
        finally:
            os.close(fd)
        folder.rename(NEXT_KEY_NAME, KEY_NAME)
        return key
    if waiting:
        folder.remove(NEXT_KEY_NAME)
    return key


def _unwrap(header: Header, outer: StoreKey, folder: Folder) -> StoreKey:
    try:
        return outer.unwrap(header.wrapped, _WRAPPED + header.identifier)
    except SealError:
        what, other = (
            ("the passphrase is wrong", "passphrase")
            if header.kind == "passphrase"
            else ("this is not the key file of this store", "key file")
        )
        raise StoreKeyError(f"{folder.path}: {what}, or its header is damaged; try another {other}, or {BACK}") from None
    finally:
        outer.release()


def _from_passphrase(source: Passphrase, salt: bytes, log2_n: int, vault: Vault) -> StoreKey:
    try:
        return vault.store_key_from_passphrase(source.value, salt, log2_n)
    except CryptoError as error:
        raise StoreKeyError(f"no key comes from this passphrase, which may have 1 to 1024 bytes: {error}") from None


def _from_file(source: KeyFile, folder: Folder, vault: Vault, *, make_one: bool) -> StoreKey:
    """What is in the key file, which is made if it is not there and `make_one` says so."""
    path = folder.path / KEY_NAME if source.path is None else source.path
    if make_one and not os.path.lexists(path):
        return make_file(path, folder, vault)
    if source.path is None and not folder.exists(KEY_NAME):
        raise StoreKeyError(
            f"{path}: the key file is missing; without it nobody can open the store: bring it back, or name it: --key-file"
        )
    fd = open_key_file(path)
    try:
        return _read(path, fd, vault)
    finally:
        os.close(fd)


def _read(path: Path, fd: int, vault: Vault) -> StoreKey:
    try:
        return vault.store_key_from_file(fd)
    except CryptoError as error:
        raise StoreKeyError(f"{path}: no key file: {error}; name the one that the store was made with") from None


def make_file(path: Path, folder: Folder, vault: Vault) -> StoreKey:
    """A fresh key, in a file of this name, which appears whole; one that had this name in the store's directory is gone."""
    if path.parent == folder.path:
        with folder.new_file() as (name, fd):
            key = vault.make_key_file(fd)
            folder.rename(name, path.name)
        return key
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreKeyError(f"{path}: no key file can be made here: {error.strerror}") from None
    try:
        os.fchmod(fd, 0o600)
        return vault.make_key_file(fd)
    except BaseException:
        path.unlink()
        raise
    finally:
        os.close(fd)


__all__ = ["KEY_NAME", "NEXT_KEY_NAME", "Header", "KeyFile", "KeySource", "Passphrase", "make", "make_file", "rewrap", "unlock"]
