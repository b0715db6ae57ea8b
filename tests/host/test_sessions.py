# SPDX-License-Identifier: Apache-2.0
"""Sessions of the host: what opens and ends them, and that nothing goes on in plain or a second time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from secmod import SecurityModule
from secmod.errors import (
    BlockedError,
    CardFaultError,
    CardResetError,
    ConditionsError,
    CryptoError,
    PaceError,
    ReferenceUnusableError,
    RetriesLeftError,
    SecureMessagingError,
    SecurityStatusError,
    SessionOverError,
    TransportError,
    UnknownNameError,
    WrongDataError,
)
from secmod.profile import load_profile
from secmod.testing import PASSWORDS, new_card
from secmod.transport.local import LocalTransport

PIN, PUK = PASSWORDS["PIN.GW"], PASSWORDS["PUK.GW"]
PROTOCOLS = [entry.name for entry in load_profile("tr03109_2").pace]

Spoil = Callable[[bytes], bytes]


class Wire(LocalTransport):
    """A card in this process; `spoil` may change commands, `answer` responses, on their way; `sent` are the commands."""

    def __init__(self, phase: str = "O") -> None:
        super().__init__(new_card(phase=phase))
        self.sent: list[bytes] = []
        self.spoil: Spoil = lambda command: command
        self.answer: Spoil = lambda response: response

    def transmit(self, command: bytes) -> bytes:
        self.sent.append(command)
        return self.answer(super().transmit(self.spoil(command)))


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def module(wire: Wire) -> Iterator[SecurityModule]:
    with SecurityModule(wire, load_profile("tr03109_2")) as module:
        yield module


def flipped(data: bytes, index: int = -3) -> bytes:
    changed = bytearray(data)
    changed[index] ^= 1
    return bytes(changed)


@pytest.mark.parametrize("protocol", [None, *PROTOCOLS])
def test_everything_is_protected_in_a_session(module: SecurityModule, wire: Wire, protocol: str | None) -> None:
    assert not module.in_session
    assert module.session_age is None
    module.open_session(PIN, suite=protocol)
    assert module.in_session
    assert module.session_age is not None
    assert 0 <= module.session_age < 60
    del wire.sent[:]
    key = module.generate_key("PrK.HAN.TLS.A", "brainpoolP512r1") if module.phase() == "V" else None
    assert key is None
    assert len(module.random(2000)) == 2000
    assert module.read_file("EF.GW.ID") == b"EPPC0212345678"
    module.update_file("EF.DATA", bytes(range(256)) * 4)
    assert module.read_file("EF.DATA") == bytes(range(256)) * 4
    module.update_file("EF.DATA", b"middle", 500)
    assert module.read_file("EF.DATA")[498:508] == b"\xf2\xf3middle\xfa\xfb"
    assert module.transmit(bytes.fromhex("00CADF2101")) == bytes.fromhex("059000")
    assert {command[0] for command in wire.sent} == {0x0C, 0x8C}
    module.close_session()
    assert not module.in_session
    with pytest.raises(SecurityStatusError):
        module.random(8)
    assert wire.sent[-1][0] == 0x80


def test_the_protocol_is_one_that_the_module_offers(module: SecurityModule, wire: Wire) -> None:
    wire.answer = lambda response: response.replace(bytes.fromhex("04007F00070202040202"), bytes.fromhex("04007F00070202040209"))
    module.open_session(PIN)
    select = next(command for command in wire.sent if command.startswith(bytes.fromhex("0022C1A4")))
    assert bytes.fromhex("04007F00070202040203") in select
    with pytest.raises(UnknownNameError, match="no PACE protocol id-PACE-DH"):
        module.open_session(PIN, suite="id-PACE-DH")


def test_a_wrong_password_is_tried_once(module: SecurityModule, wire: Wire) -> None:
    with pytest.raises(RetriesLeftError) as refused:
        module.open_session("0000000000")
    assert refused.value.retries_left == 9
    assert sum(command[1] == 0x22 for command in wire.sent) == 1
    assert module.tries_left() == 9
    assert not module.in_session
    assert module.phase() == "O"
    module.open_session(PIN)
    assert module.tries_left() == 10
    assert module.tries_left("PUK.GW") == 10


def test_a_failed_change_of_sessions_leaves_none(module: SecurityModule, wire: Wire) -> None:
    """Tasks of others, who believe in the session, must not go in plain."""
    module.open_session(PIN)
    with pytest.raises(RetriesLeftError):
        module.open_session("0000000000")
    with pytest.raises(SessionOverError, match="a new one could not be opened"):
        module.update_file("EF.DATA", b"secret")
    module.close_session()
    with pytest.raises(SecurityStatusError):
        module.update_file("EF.DATA", b"plain")


@pytest.mark.parametrize("step", range(4))
def test_a_card_that_does_not_know_the_password(module: SecurityModule, wire: Wire, step: int) -> None:
    """Its answer is changed in one step of PACE."""
    count = 0

    def spoil(response: bytes) -> bytes:
        nonlocal count
        if response.startswith(b"\x7c"):
            count += 1
            if count == step + 1:
                return flipped(response)
        return response

    wire.answer = spoil
    # A wrong nonce or key gives other session keys: the card finds our token wrong.  A point off the curve we find ourselves.
    with pytest.raises((PaceError, RetriesLeftError)):
        module.open_session(PIN)
    assert not module.in_session


def test_an_answer_that_is_no_step_of_pace(module: SecurityModule, wire: Wire) -> None:
    wire.answer = lambda response: b"\x7c\x00\x90\x00" if response.startswith(b"\x7c") else response
    with pytest.raises(TransportError, match="no step of PACE"):
        module.open_session(PIN)


def test_a_password_that_was_never_set(wire: Wire) -> None:
    with SecurityModule(Wire("I"), load_profile("tr03109_2")) as module:
        with pytest.raises(ReferenceUnusableError):
            module.tries_left("PUK.GW")
        with pytest.raises(SecurityStatusError):
            module.open_session(PUK, "PUK.GW")


@pytest.mark.parametrize("index", [0, 4, -11, -3, -1])
def test_a_changed_response_ends_the_session(module: SecurityModule, wire: Wire, index: int) -> None:
    module.open_session(PIN)
    del wire.sent[:]
    wire.answer = lambda response: flipped(response, index) if len(response) > 2 else response
    with pytest.raises(SecureMessagingError) as lost:
        module.random(8)
    assert not isinstance(lost.value, SessionOverError)
    # One protected command, and one in plain that ends the card's end.  Nothing is sent again.
    assert [command[0] for command in wire.sent] == [0x8C, 0x00]
    wire.answer = lambda response: response
    for task in (lambda: module.random(8), lambda: module.transmit(bytes.fromhex("00CADF2101")), module.phase):
        with pytest.raises(SessionOverError, match="call open_session"):
            task()
    assert len(wire.sent) == 2
    module.open_session(PIN)
    assert len(module.random(8)) == 8


@pytest.mark.parametrize(
    ("spoil", "sw"),
    [(lambda c: flipped(c, -3), 0x6988), (lambda c: c[:4] + bytes.fromhex("0397010800"), 0x6987), (lambda c: c[:4], 0x6700)],
)
def test_a_changed_command_ends_the_session(module: SecurityModule, wire: Wire, spoil: Spoil, sw: int) -> None:
    module.open_session(PIN)
    wire.spoil = spoil
    with pytest.raises(SecureMessagingError, match="the card has ended the session") as lost:
        module.random(8)
    assert lost.value.sw == sw
    assert not module.in_session


def test_a_replayed_response_is_seen(module: SecurityModule, wire: Wire) -> None:
    module.open_session(PIN)
    kept: list[bytes] = []
    wire.answer = lambda response: kept.append(response) or response  # type: ignore[func-returns-value]
    module.random(8)
    wire.answer = lambda _: kept[0]
    with pytest.raises(SecureMessagingError):
        module.random(8)


@pytest.mark.parametrize("error", [CardResetError, KeyboardInterrupt])
def test_no_answer_ends_the_session(module: SecurityModule, wire: Wire, error: type[BaseException]) -> None:
    module.open_session(PIN)

    def fail(command: bytes) -> bytes:
        raise error("gone")

    wire.spoil = fail
    with pytest.raises(error):
        module.random(8)
    wire.spoil = lambda command: command
    with pytest.raises(SessionOverError, match=r"got no answer \(gone\)"):
        module.random(8)
    module.reset()
    assert module.phase() == "O"


def test_a_session_has_an_age_limit(module: SecurityModule, wire: Wire) -> None:
    module.open_session(PIN, max_age=3600)
    assert module.in_session
    with pytest.raises(SessionOverError, match=r"greatest age, 0 hours; call open_session"):
        module.open_session(PIN, max_age=0)
    assert not module.in_session
    with pytest.raises(SessionOverError):
        module.phase()
    module.open_session(PIN)
    assert module.phase() == "O"


def test_a_new_session_takes_the_place_of_the_old_one(module: SecurityModule) -> None:
    module.open_session(PIN)
    module.open_session(PUK, "PUK.GW")
    with pytest.raises(SecurityStatusError):
        module.random(8)
    module.reset_retry_counter("PIN.GW")
    module.open_session(PIN)
    assert len(module.random(8)) == 8


def test_passwords_never_go_in_plain(module: SecurityModule, wire: Wire) -> None:
    del wire.sent[:]
    for task in (
        lambda: module.change_password("9876543210"),
        lambda: module.change_password("9876543210", old=PIN),
        lambda: module.reset_retry_counter(new="9876543210"),
    ):
        with pytest.raises(SessionOverError, match="no session is open"):
            task()
    assert wire.sent == []


def test_the_first_change_of_the_pin_ends_the_session() -> None:
    wire = Wire("I")
    with SecurityModule(wire, load_profile("tr03109_2")) as module:
        module.open_session("0000000000")
        module.change_password(PUK, "PUK.GW")
        assert module.in_session
        module.change_password(PIN)
        assert not module.in_session
        with pytest.raises(SessionOverError, match="the first change of password 03"):
            module.phase()
        module.open_session(PIN)
        assert module.phase() == "G"
        with pytest.raises(RetriesLeftError):
            module.change_password("9876543210", old="1111111112")
        module.change_password("9876543210", old=PIN)
        assert module.in_session


@pytest.mark.parametrize("value", ["", "1234\N{EURO SIGN}56789", "9" * 33])
def test_a_password_that_can_not_be_one_is_not_tried(module: SecurityModule, wire: Wire, value: str) -> None:
    with pytest.raises(CryptoError):
        module.open_session(value)
    assert module.tries_left() == 10
    assert not any(command[1] in (0x22, 0x86) for command in wire.sent)


def test_a_blocked_password(module: SecurityModule) -> None:
    for left in range(9, -1, -1):
        with pytest.raises(RetriesLeftError) as wrong:
            module.open_session("0000000000")
        assert wrong.value.retries_left == left
    assert module.tries_left() == 0
    with pytest.raises(BlockedError):
        module.open_session(PIN)


def test_the_session_ends_with_the_module(wire: Wire) -> None:
    module = SecurityModule(wire, load_profile("tr03109_2"))
    module.open_session(PIN)
    module.close()
    assert wire.sent[-1][0] == 0x00  # the card's end is over, too
    assert not module.in_session
    module.close()


def test_terminated(wire: Wire) -> None:
    with SecurityModule(Wire("V"), load_profile("tr03109_2")) as module:
        module.open_session(PIN)
        module.terminate()
        assert not module.in_session
        assert module.read_file("EF.TRVersion").startswith(b"\xe1")
    with SecurityModule(wire, load_profile("tr03109_2")) as module:
        module.open_session(PIN)
        with pytest.raises(SecurityStatusError):
            module.terminate()
        assert module.in_session


def test_threads_share_a_session(module: SecurityModule) -> None:
    """Each task of two commands is whole: no thread agrees or signs with the key that another has selected."""
    module.open_session(PIN)
    failures: list[BaseException] = []

    def work(curve: str) -> None:
        try:
            for _ in range(5):
                ours, theirs = module.generate_ephemeral(curve), module.generate_ephemeral(curve)
                assert module.agree(ours.name, theirs.public) == module.agree(theirs.name, ours.public)
        except BaseException as error:  # noqa: BLE001  (told below)
            failures.append(error)

    threads = [threading.Thread(target=work, args=(curve,)) for curve in ("brainpoolP256r1", "brainpoolP384r1", "secp256r1")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_places_for_ephemeral_keys(module: SecurityModule) -> None:
    """All are used before one is used again, and then the oldest."""
    module.open_session(PIN)
    keys = [module.generate_ephemeral() for _ in range(8)]
    assert len({key.name for key in keys}) == 8
    module.agree(keys[5].name, keys[0].public)
    assert module.generate_ephemeral().name == keys[5].name
    assert module.generate_ephemeral("secp384r1").name == keys[0].name
    with pytest.raises(WrongDataError):
        module.agree(keys[0].name, keys[1].public)
    module.delete_key(keys[1].name)
    with pytest.raises(CardFaultError) as empty:
        module.agree(keys[1].name, keys[2].public)
    assert empty.value.sw == 0x6400


def test_no_step_leads_there(module: SecurityModule) -> None:
    module.open_session(PIN)
    with pytest.raises(SecurityStatusError):
        module.set_phase("P")
    with pytest.raises(UnknownNameError, match="no phase 'Z'"):
        module.set_phase("Z")
    with SecurityModule(Wire("G"), load_profile("tr03109_2")) as other:
        other.open_session(PIN)
        with pytest.raises(ConditionsError):
            other.set_phase("O")
        other.set_phase("V")
        assert other.phase() == "V"
