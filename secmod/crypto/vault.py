# SPDX-License-Identifier: Apache-2.0
"""The vault: secrets live in it, in C, where they can be wiped; its generator is the source of every random number."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from secmod._native import ffi, lib
from secmod.crypto.batch import generate_many
from secmod.crypto.curves import Curve
from secmod.crypto.handshake import Handshake, HandshakeEnd, SessionKeys
from secmod.crypto.keys import PrivateKey
from secmod.crypto.password import Password
from secmod.crypto.random import RandomState, Source
from secmod.crypto.results import failure
from secmod.crypto.store_key import SALT_BYTES, StoreKey
from secmod.errors import CryptoError, HandleError

log = logging.getLogger(__name__)

_KEPT_BYTES = 256


class Vault:
    """A place for up to 256 secrets, with a random generator of its own (CTR_DRBG, SP 800-90A).

    Any thread may use it.  Closed by `close` or at the end of a `with` block; then its secrets are wiped and it makes no more.
    With a `deterministic_seed` of 1 to 256 bytes the same calls give the same numbers and keys: to replay a session, never for
    keys that protect something.  Signatures are checked before they leave (FaultError if one is wrong), unless
    `check_signatures` is False, which saves about a third of the time; keys always are.
    """

    __slots__ = ("__weakref__", "_spare", "_vault")

    def __init__(self, *, deterministic_seed: bytes | None = None, check_signatures: bool = True) -> None:
        made = ffi.new("secmod_vault **")
        if deterministic_seed is None:
            code = lib.secmod_vault_new(made)
        else:
            code = lib.secmod_vault_new_deterministic(made, deterministic_seed, len(deterministic_seed))
            log.warning("deterministic vault: whoever knows its seed knows its random numbers and keys")
        if code:
            raise failure(code)
        # Keys refer to the same object: the memory goes when the last of them does, so no thread is left working in freed memory.
        self._spare: list[Any] = []  # buffers for random numbers, as those of PrivateKey for signatures
        self._vault: Any = ffi.gc(made[0], lib.secmod_vault_free)
        if not check_signatures:
            lib.secmod_vault_check_signatures(self._vault, 0)

    @property
    def core(self) -> Any:
        """What the core knows this vault by; HandleError if it is closed."""
        if self._vault is None:
            raise HandleError("this vault is closed")
        return self._vault

    def generate(self, curve: Curve) -> PrivateKey:
        """A fresh private key (TR-03111 clause 4.1.3); CryptoError if the vault is full."""
        handle = ffi.new("uint64_t *")
        if code := lib.secmod_key_generate(self.core, curve.index, handle):
            raise failure(code)
        return PrivateKey(self._vault, handle[0], curve)

    def generate_many(self, curves: Iterable[Curve]) -> list[PrivateKey | CryptoError]:
        """Fresh private keys of these curves in one call; instead of each that fails, the exception."""
        return generate_many(self.core, curves)

    def import_key(self, curve: Curve, scalar: bytes) -> PrivateKey:
        """A known private key, for known-answer tests: big-endian, field_bytes long, in [1, n-1], else CryptoError."""
        handle = ffi.new("uint64_t *")
        if code := lib.secmod_key_import(self.core, curve.index, scalar, len(scalar), handle):
            raise failure(code)
        return PrivateKey(self._vault, handle[0], curve)

    def password(self, value: bytes | memoryview) -> Password:
        """A password of 1 to 32 bytes, kept here (a PIN's digits in ASCII), else CryptoError."""
        return Password.store(self.core, value)

    def store_key(self) -> StoreKey:
        """A fresh key of a store."""
        return StoreKey.make(self.core, lib.secmod_store_key_generate)

    def store_key_from_passphrase(self, passphrase: bytes, salt: bytes, log2_n: int, r: int = 8, p: int = 1) -> StoreKey:
        """The store key that scrypt makes of a passphrase (1 to 1024 bytes) and a salt (16); CryptoError for another length.

        The cost is 128 * r * 2^log2_n bytes of memory, at most 1 GiB, else CryptoError; `scrypt_cost` chooses log2_n.
        """
        if len(salt) != SALT_BYTES:
            raise CryptoError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
        return StoreKey.make(self.core, lib.secmod_store_key_derive, passphrase, len(passphrase), salt, log2_n, r, p)

    def store_key_from_file(self, fd: int) -> StoreKey:
        """The store key in an open file, of just 32 bytes; KeyFileError if it can not be read or is longer or shorter."""
        return StoreKey.make(self.core, lib.secmod_store_key_read, fd)

    def make_key_file(self, fd: int) -> StoreKey:
        """A fresh store key, written to an open file and on its disk by now; KeyFileError if that failed."""
        return StoreKey.make(self.core, lib.secmod_store_key_write, fd)

    def handshake(self, end: HandshakeEnd, curve: Curve, key_bytes: int, oid: bytes, password: Password) -> Handshake:
        """A run of PACE with this password of this vault; `oid` are the value octets of the protocol's identifier."""
        return Handshake.begin(self.core, end, curve, key_bytes, oid, password)

    def session_keys(self, enc: bytes, mac: bytes, ssc: bytes = bytes(16)) -> SessionKeys:
        """Known keys of a secure messaging session and its counter, for known-answer tests."""
        return SessionKeys.load(self.core, enc, mac, ssc)

    def random(self, length: int, *, fresh: bool = False) -> bytes:
        """`length` random bytes; `fresh`: with prediction resistance, seeded anew for them.  RandomAlarmError after an alarm."""
        draw = lib.secmod_random_fresh if fresh else lib.secmod_random
        if not 0 <= length <= _KEPT_BYTES:
            return self._random_long(length, draw)
        try:
            out = self._spare.pop()
        except IndexError:
            out = ffi.new("uint8_t[]", _KEPT_BYTES)
        if code := draw(self.core, out, length):
            raise failure(code)
        drawn: bytes = ffi.buffer(out, length)[:]
        self._spare.append(out)
        return drawn

    def _random_long(self, length: int, draw: Any) -> bytes:
        out = ffi.new("uint8_t[]", length)
        for start in range(0, length, lib.SECMOD_RANDOM_MAX):
            if code := draw(self.core, out + start, min(length - start, lib.SECMOD_RANDOM_MAX)):
                raise failure(code)
        return bytes(ffi.buffer(out))

    @property
    def deterministic(self) -> bool:
        """Whether numbers and keys come from a fixed seed."""
        return bool(lib.secmod_vault_is_deterministic(self.core))

    @property
    def random_state(self) -> RandomState:
        """Whether random numbers can be had."""
        return RandomState(lib.secmod_random_state(self.core))

    def power_on(self) -> None:
        """At power-on and reset: the sources pass their start-up test, a first alarm ends, the generator is seeded anew.

        RandomAlarmError if a source fails, or after a second alarm.  Takes about half a millisecond.  A vault that is asked for
        random numbers or keys without ever having been powered on does it then.
        """
        if code := lib.secmod_random_power_on(self.core):
            raise failure(code)

    def reseed(self) -> None:
        """The generator is seeded anew; RandomAlarmError after an alarm."""
        if code := lib.secmod_random_reseed(self.core):
            raise failure(code)

    def check_sources(self) -> None:
        """The health tests on demand, over 1024 samples of each source; RandomAlarmError if one fails, or after an alarm."""
        if code := lib.secmod_random_test(self.core):
            raise failure(code)

    def raise_alarm(self) -> None:
        """The generator gives nothing more until `power_on`: after a failed self-test, or to see what happens then."""
        if code := lib.secmod_random_alarm(self.core):
            raise failure(code)

    def stick(self, source: Source, value: int, count: int) -> None:
        """A fault, for tests: the next `count` samples of a source are `value`.  CryptoError in a deterministic vault."""
        if code := lib.secmod_random_stick(self.core, source, value, count):
            raise failure(code)

    @property
    def live(self) -> int:
        """How many secrets live here."""
        return 0 if self._vault is None else int(lib.secmod_vault_live(self._vault))

    def clear(self) -> None:
        """Every secret is wiped; new ones can be made."""
        lib.secmod_vault_clear(self.core)

    def close(self) -> None:
        """Every secret is wiped, and the vault refuses further work; closing it again does nothing."""
        if self._vault is not None:
            self.clear()
            self._vault = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return "Vault(closed)" if self._vault is None else f"Vault({self.live} secrets)"


__all__ = ["Vault"]
