# SPDX-License-Identifier: Apache-2.0
"""How fast are signatures, key agreement, key pairs and random numbers, against other libraries?

All ratios are to OpenSSL's libcrypto, called from C; the gates are in gates.py.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import pytest

from bench.conftest import CLOCK, Effort
from bench.gates import RANDOM as RANDOM_GATE
from bench.gates import Gate, batch_gate, gate
from bench.interleave import Block, Contender, in_python, sized
from bench.libraries import LIBRARIES, OPENSSL, OPERATIONS, PORTABLE, RANDOM, InC, each, of_secmod_batch
from bench.workers import Worker, program
from secmod.crypto import CURVES


def require(library: str) -> None:
    lacks = LIBRARIES[library].lacks()
    if lacks:
        pytest.skip(f"{library} needs {lacks}")


def all_of(stack: ExitStack, curve: str, operation: str, effort: Effort) -> Sequence[Contender]:
    """Every library that is here, and the clock."""
    blocks: dict[str, Block] = {
        name: library.block(stack, curve, operation) for name, library in LIBRARIES.items() if not library.lacks()
    }
    blocks[CLOCK] = stack.enter_context(Worker(program("clock"))).block
    return [sized(name, block, effort.block_ns) for name, block in blocks.items()]


def gates_of(library: str, operation: str, curve: str) -> Gate | None:
    if library not in {"secmod", PORTABLE}:
        return None
    return gate(operation, curve, portable=library == PORTABLE)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("curve", CURVES)
def test_curve(curve: str, operation: str, library: str, effort: Effort, report: Callable[..., None]) -> None:
    require(library)
    wanted = gates_of(library, operation, curve)
    report(
        f"{operation} · {curve}",
        library,
        lambda stack: all_of(stack, curve, operation, effort),
        peer=OPENSSL,
        show="rate",
        gates={"median": wanted.limit} if wanted else {},
        stretch=wanted.stretch if wanted else None,
    )


BATCHES = (8, 64)
BATCHED = ("sign", "verify, new key", "ECDH", "key pair")
AT_ONCE = ("secmod", "secmod, Python", "secmod, one by one", OPENSSL)


@pytest.mark.parametrize("library", AT_ONCE)
@pytest.mark.parametrize("operation", BATCHED)
@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("curve", CURVES)
def test_batch(curve: str, batch: int, operation: str, library: str, effort: Effort, report: Callable[..., None]) -> None:
    """For one operation of a batch of independent ones."""

    def contenders(stack: ExitStack) -> Sequence[Contender]:
        core, openssl = LIBRARIES["secmod"], LIBRARIES[OPENSSL]
        assert isinstance(core, InC)
        blocks = {
            "secmod": core.block(stack, curve, operation, batch),
            "secmod, Python": each(in_python(of_secmod_batch(curve, batch)[operation]), batch),
            "secmod, one by one": core.block(stack, curve, operation),
            OPENSSL: openssl.block(stack, curve, operation),
        }
        return [sized(name, block, effort.block_ns) for name, block in blocks.items()]

    wanted = batch_gate(operation, curve) if library == "secmod" and batch == BATCHES[0] else None
    report(
        f"{operation}, {batch} at once · {curve}",
        library,
        contenders,
        peer=OPENSSL,
        show="rate",
        gates={"median": wanted.limit} if wanted else {},
        stretch=wanted.stretch if wanted else None,
    )


IN_C = [name for name, library in LIBRARIES.items() if isinstance(library, InC) and library.path is None]


@pytest.mark.parametrize("library", [*IN_C, "secmod, Python", "os.urandom"])
def test_random(library: str, effort: Effort, report: Callable[..., None]) -> None:
    if library in LIBRARIES:
        require(library)

    def contenders(stack: ExitStack) -> Sequence[Contender]:
        names = [name for name in (*IN_C, "secmod, Python") if not LIBRARIES[name].lacks()]
        blocks = {name: LIBRARIES[name].block(stack, "brainpoolP256r1", RANDOM) for name in names}
        blocks["os.urandom"] = in_python(lambda: os.urandom(32))
        return [sized(name, block, effort.block_ns) for name, block in blocks.items()]

    gates = {"median": RANDOM_GATE.limit} if library == "secmod" else {}
    report(RANDOM, library, contenders, peer=OPENSSL, show="rate", gates=gates)
