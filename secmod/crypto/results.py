# SPDX-License-Identifier: Apache-2.0
"""The core's result codes (native/include/secmod.h) as exceptions with a sentence."""

from __future__ import annotations

from secmod._native import lib
from secmod.errors import (
    CryptoError,
    FaultError,
    HandleError,
    KeyFileError,
    MismatchError,
    PointError,
    RandomAlarmError,
    SealError,
    SignatureError,
    StateError,
)

FAILURES: dict[int, tuple[type[CryptoError], str]] = {
    lib.SECMOD_E_ARGUMENT: (CryptoError, "a length, curve or option that the function does not know"),
    lib.SECMOD_E_HANDLE: (HandleError, "no secret lives under this handle: it was released"),
    lib.SECMOD_E_POINT: (PointError, "not an uncompressed point on the curve: length, prefix, range or equation is wrong"),
    lib.SECMOD_E_SIGNATURE: (SignatureError, "the signature does not verify"),
    lib.SECMOD_E_SCALAR: (CryptoError, "the private scalar is not in [1, n-1]"),
    lib.SECMOD_E_FULL: (CryptoError, f"the vault is full: it holds {lib.SECMOD_VAULT_SLOTS} secrets; release one first"),
    lib.SECMOD_E_RANDOM: (RandomAlarmError, "the random generator is in its alarm state"),
    lib.SECMOD_E_LIBRARY: (CryptoError, "libcrypto refused the operation"),
    lib.SECMOD_E_SELF_TEST: (CryptoError, "a known-answer test gave another answer"),
    lib.SECMOD_E_MISMATCH: (MismatchError, "a password or token is wrong, or a public key that must differ is the same"),
    lib.SECMOD_E_STATE: (StateError, "a step out of its order"),
    lib.SECMOD_E_SM_MISSING: (CryptoError, "a secure messaging data object is missing"),
    lib.SECMOD_E_SM_WRONG: (CryptoError, "a secure messaging data object is wrong"),
    lib.SECMOD_E_SEAL: (SealError, "not what was sealed: bytes were changed, or the key or the context is another"),
    lib.SECMOD_E_FAULT: (FaultError, "the outcome was checked and is wrong: a fault of the machine; power on to go on"),
    lib.SECMOD_E_FILE: (KeyFileError, "its file can not be read or written, or has another length than 32 bytes"),
}


def failure(code: int, subject: str = "") -> CryptoError:
    """The exception for a negative result code; `subject` says what was at fault, when the code alone does not."""
    kind, sentence = FAILURES[code]
    return kind(f"{subject}: {sentence}" if subject else sentence)


__all__ = ["FAILURES", "failure"]
