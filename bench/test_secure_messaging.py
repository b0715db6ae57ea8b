# SPDX-License-Identifier: Apache-2.0
"""What does secure messaging cost: for a byte more or less, for a round trip, for a signature?

The host library at two cards of profile `open`, one in plain, one in a session by PACE (AES-128).  The work of both
ends is in the figures.  Commands with data: UPDATE BINARY; answers with data: READ BINARY; no data: SELECT.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from bench.conftest import Effort
from bench.gateway import FORMS, PIN, here, start_two, there
from bench.interleave import Block, Contender, in_python, sized
from bench.readers import NOOP, pyscard, start_readers, winscard
from bench.test_signing import commands
from bench.workers import Worker, missing, program
from secmod.crypto import CURVES, Vault

SIZES: Final = (0, 32, 255, 2048)
PLACES: Final = ("in process", "through pcscd")
ALL: Final = [f"{form}, {place}" for place in PLACES for form in FORMS]

CORE: Final = "core, from C"
API: Final = "Python API"
FLOOR: Final = "no-op handler, pyscard scard"


def everywhere(stack: ExitStack, *words: str) -> dict[str, Block]:
    """The task in both forms, in this process and through pcscd."""
    env = start_two(stack)
    blocks = {f"{form}, in process": here(stack, form, *words) for form in FORMS}
    return blocks | {f"{form}, through pcscd": there(stack, env, form, *words) for form in FORMS}


@pytest.mark.parametrize("contender", ALL)
@pytest.mark.parametrize("way", ["update", "read"])
@pytest.mark.parametrize("size", SIZES)
def test_overhead(size: int, way: str, contender: str, effort: Effort, report: Callable[..., None]) -> None:
    words = (way, str(size)) if size else ("select",)
    if not size and way == "read":
        pytest.skip("no data has no direction")

    def contenders(stack: ExitStack) -> Sequence[Contender]:
        return [sized(name, block, effort.block_ns) for name, block in everywhere(stack, *words).items()]

    title = {"update": f"{size} bytes to the card", "read": f"{size} bytes from the card"}[way] if size else "no data"
    peer = f"plain, {contender.partition(', ')[2]}"
    report(f"secure messaging, {title}", contender, contenders, peer=peer, show="time")


ROUND_TRIP: Final[dict[str, dict[str, float]]] = {
    FLOOR: {},
    "plain, through pcscd": {},
    "protected, through pcscd": {"median": 4.5},
}


@pytest.mark.parametrize("contender", ROUND_TRIP)
def test_round_trip(contender: str, effort: Effort, report: Callable[..., None]) -> None:
    """GET CHALLENGE of 8 bytes, against the reader driver that does nothing; the host is a Python program in all of them."""

    def contenders(stack: ExitStack) -> Sequence[Contender]:
        env = start_two(stack)
        blocks = {f"{form}, through pcscd": there(stack, env, form, "challenge") for form in FORMS}
        blocks[FLOOR] = pyscard(stack, start_readers(stack), "scard", NOOP, bytes.fromhex("0084000008"))
        return [sized(name, block, effort.block_ns) for name, block in blocks.items()]

    report("APDU round trip, host library", contender, contenders, peer=FLOOR, show="time", gates=ROUND_TRIP[contender])


SIGN_GATES: Final[dict[str, dict[str, float]]] = {"plain, in process": {"median": 0.6}, "protected, in process": {"median": 0.4}}


@pytest.mark.parametrize("contender", [CORE, *ALL])
@pytest.mark.parametrize("curve", [name for name in CURVES if name.startswith("brainpool")])
def test_sign(curve: str, contender: str, effort: Effort, report: Callable[..., None]) -> None:
    def contenders(stack: ExitStack) -> Sequence[Contender]:
        blocks = {
            CORE: stack.enter_context(Worker(program("peers/core"), curve, "sign")).block,
            **everywhere(stack, "sign", curve),
        }
        return [sized(name, block, effort.block_ns) for name, block in blocks.items()]

    report(f"signature by APDU · {curve}", contender, contenders, peer=CORE, show="rate", gates=SIGN_GATES.get(contender))


def softhsm(stack: ExitStack, curve: str) -> Block:
    """PKCS #11 without a process between: C_SignInit and C_Sign with a token of its own."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="secmod-bench-")))
    conf = directory / "softhsm2.conf"
    conf.write_text(f"directories.tokendir = {directory}\nlog.level = ERROR\n", encoding="utf-8")
    return stack.enter_context(Worker(program("peers/softhsm"), curve, "sign", env={"SOFTHSM2_CONF": str(conf)})).block


SOFTHSM: Final = "SoftHSM2 C_Sign, in process"
TOKENS: Final[dict[str, dict[str, float]]] = {
    SOFTHSM: {},
    "protected, in process": {},
    "plain, through pcscd, C": {},
    "protected, through pcscd, C": {"median": 5},
    "protected, through pcscd": {},
}


@pytest.mark.parametrize("contender", TOKENS)
def test_sign_against_softhsm(contender: str, effort: Effort, report: Callable[..., None]) -> None:
    """What is a whole signature by APDU, the host's work included, to one of another token in software that is called directly?

    The hosts are programs in C, as SoftHSM's is, and the host library.
    """
    if missing("peers/softhsm"):
        pytest.skip(f"needs the Debian packages {missing('peers/softhsm')}")
    curve = "brainpoolP256r1"

    def contenders(stack: ExitStack) -> Sequence[Contender]:
        env, apdus = start_two(stack), [apdu.hex() for apdu in commands(curve)]
        in_c = Worker(program("session_client"), "secmod reader 1", PIN, *apdus, env=env)
        blocks = {
            SOFTHSM: softhsm(stack, curve),
            "protected, in process": here(stack, "protected", "sign", curve),
            "plain, through pcscd, C": winscard(stack, env, "secmod reader 0", *map(bytes.fromhex, apdus)),
            "protected, through pcscd, C": stack.enter_context(in_c).block,
            "protected, through pcscd": there(stack, start_two(stack), "protected", "sign", curve),
        }
        return [sized(name, block, effort.block_ns) for name, block in blocks.items()]

    report(f"signature by token · {curve}", contender, contenders, peer=SOFTHSM, show="rate", gates=TOKENS[contender])


@pytest.mark.parametrize("contender", [API, *ALL])
def test_agree(contender: str, effort: Effort, report: Callable[..., None]) -> None:
    """ECKA-EG with the one kind of key that lasts: the content key of the delivered profile."""
    curve = "brainpoolP256r1"

    def contenders(stack: ExitStack) -> Sequence[Contender]:
        vault = Vault()
        key, other = vault.generate(CURVES[curve]), vault.generate(CURVES[curve]).public_point
        blocks = {API: in_python(partial(key.agree, other)), **everywhere(stack, "agree", curve)}
        return [sized(name, block, effort.block_ns) for name, block in blocks.items()]

    report(f"ECKA by APDU · {curve}", contender, contenders, peer=API, show="rate")
