# SPDX-License-Identifier: Apache-2.0
"""Known-answer tests of the algorithms, as a module runs them at power-on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntFlag
from functools import reduce
from operator import or_

from secmod._native import ffi, lib
from secmod.crypto.results import failure


class SelfTest(IntFlag):
    """What can be tested; members combine with |."""

    AES = lib.SECMOD_TEST_AES
    CMAC = lib.SECMOD_TEST_CMAC
    SHA = lib.SECMOD_TEST_SHA
    DRBG = lib.SECMOD_TEST_DRBG
    ECDSA = lib.SECMOD_TEST_ECDSA
    ECKA = lib.SECMOD_TEST_ECKA


ALL = SelfTest(lib.SECMOD_TEST_ALL)
NONE = SelfTest(0)


# Faults in force, one for each `with broken(...)`; of the process, because a card may live in another thread than its test.
_faults: list[SelfTest] = []


@contextmanager
def broken(tests: SelfTest) -> Iterator[None]:
    """In a `with` block, these tests fail, in every thread: to see what a card does then."""
    _faults.append(tests)
    try:
        yield
    finally:
        _faults.remove(tests)


def run(tests: SelfTest = ALL, fail: SelfTest = NONE) -> tuple[str, ...]:
    """The names of the tests that gave another answer than the known one; empty when all is well.  Takes about 3 ms.

    Those in `fail` are made to give another answer.
    """
    failed = ffi.new("int *")
    code = lib.secmod_self_test(int(tests), int(reduce(or_, _faults, fail)), failed)
    if code not in (lib.SECMOD_OK, lib.SECMOD_E_SELF_TEST):
        raise failure(code)
    return tuple(test.name or "" for test in SelfTest(failed[0]))


def library_version() -> str:
    """The libcrypto in use, as it names itself."""
    return str(ffi.string(lib.secmod_libcrypto_version()).decode("ascii"))


__all__ = ["ALL", "NONE", "SelfTest", "broken", "library_version", "run"]
