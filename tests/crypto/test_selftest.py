# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from secmod.crypto import selftest
from secmod.crypto.selftest import SelfTest
from secmod.errors import CryptoError

NO_ALGORITHMS = """
openssl_conf = settings
[settings]
providers = providers
[providers]
null = null
[null]
activate = 1
"""


def test_all_known_answers_come():
    assert selftest.run() == ()


@pytest.mark.parametrize("test", SelfTest)
def test_each_runs_alone(test: SelfTest):
    assert selftest.run(test) == ()


def test_an_unknown_test_is_refused():
    with pytest.raises(CryptoError, match="option that the function does not know"):
        selftest.run(SelfTest(64))


@pytest.mark.parametrize("test", SelfTest)
def test_a_broken_one_fails_by_name_and_is_well_again_afterwards(test: SelfTest):
    with selftest.broken(test):
        assert selftest.run() == (test.name,)
        assert selftest.run(selftest.ALL & ~test) == ()
    assert selftest.run() == ()


def test_several_can_be_broken_and_other_threads_see_it():
    with selftest.broken(SelfTest.SHA | SelfTest.ECKA), selftest.broken(SelfTest.SHA), ThreadPoolExecutor(1) as pool:
        assert pool.submit(selftest.run).result() == ("SHA", "ECKA")


def test_a_libcrypto_without_algorithms_fails_them_all_by_name(tmp_path: Path):
    (tmp_path / "openssl.cnf").write_text(NO_ALGORITHMS)
    program = "from secmod.crypto import selftest; print(*selftest.run())"
    environment = os.environ | {"OPENSSL_CONF": str(tmp_path / "openssl.cnf")}
    done = subprocess.run([sys.executable, "-c", program], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["AES", "CMAC", "SHA", "DRBG", "ECDSA", "ECKA"]


def test_libcrypto_names_itself():
    assert selftest.library_version().startswith("OpenSSL 3.")
