# SPDX-License-Identifier: Apache-2.0
"""Both ends against each other and against the twin: every suite, every order, and everything that can be wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secmod.apdu import SW, CommandApdu
from secmod.crypto import Vault
from secmod.crypto.handshake import HandshakeEnd, Injection
from secmod.errors import CardError, CryptoError, HandleError, PaceError, StateError
from secmod.pace import SUITES, CardEnd, HostEnd, State, Suite
from secmod.securemessaging import Session
from tests.reference.pace import Twin, curve_of

PIN = b"0123456789"
SMALL = next(iter(SUITES.values()))


@pytest.fixture(params=SUITES.values(), ids=lambda suite: suite.name)
def suite(request: pytest.FixtureRequest) -> Suite:
    found: Suite = request.param
    return found


def count() -> None:
    """Authorises a comparison."""


def ends(vault: Vault, suite: Suite = SMALL, *, host_pin: bytes = PIN) -> tuple[CardEnd, HostEnd]:
    return CardEnd(vault, suite, vault.password(PIN)), HostEnd(vault, suite, vault.password(host_pin))


def twin_of(suite: Suite, pin: bytes = PIN, kind: type[Twin] = Twin) -> Twin:
    return kind(suite.curve.name, suite.oid, suite.key_bytes, pin, 0x1234567, 0x89ABCDEF)


def talk(card: Session, host: Session) -> None:
    command = CommandApdu(0, 0xD6, 0, 0, b"under the new keys", 16)
    assert card.unprotect(host.protect_command(command)) == command
    assert host.unprotect_response(card.protect(b"yes\x90\x00", odd=False), odd=False).data == b"yes"


# ---- when all is well ------------------------------------------------------------------------------------------------------


def test_both_ends_agree(vault: Vault, suite: Suite):
    card, host = ends(vault, suite)
    token, card_session = card.finish(host.agree(card.agree(host.map(card.map(host.nonce(card.nonce()))))), count)
    host_session = host.finish(token)
    talk(card_session, host_session)
    assert (card.state, host.state) == (State.DONE, State.DONE)
    card.abort()  # the session lives on
    assert (card.state, vault.live) == (State.DONE, 2)
    assert repr(host) == f"<HostEnd {suite.name}: both have proven it>"


def test_two_runs_share_no_value(vault: Vault):
    values = []
    for _ in range(2):
        card, host = ends(vault)
        values += [z := card.nonce(), key := host.nonce(z), own := card.map(key), key := host.map(own), own := card.agree(key)]
        values += [host.agree(own)]
    assert len(set(values)) == len(values)


@pytest.mark.parametrize("pin", [b"1", b"1234567890", b"x" * 32, bytes(range(32)), b"\x00"])
def test_passwords_of_any_length(vault: Vault, pin: bytes):
    password = vault.password(pin)
    card, host = CardEnd(vault, SMALL, password), HostEnd(vault, SMALL, password)
    token, session = card.finish(host.agree(card.agree(host.map(card.map(host.nonce(card.nonce()))))), count)
    talk(session, host.finish(token))


def test_a_card_against_the_twin(vault: Vault, suite: Suite):
    card, _ = ends(vault, suite)
    twin = twin_of(suite)
    twin.open(card.nonce())
    twin.map(card.map(twin.map_point))
    twin.agree(card.agree(twin.agree_point))
    token, session = card.finish(twin.token, count)
    assert token == twin.expected
    talk(session, Session(vault.session_keys(*twin.keys)))


def test_a_host_against_the_twin(vault: Vault, suite: Suite):
    _, host = ends(vault, suite)
    twin = twin_of(suite)
    twin.map(host.nonce(twin.seal(bytes(range(16)))))
    twin.agree(host.map(twin.map_point))
    assert host.agree(twin.agree_point) == twin.expected
    talk(Session(vault.session_keys(*twin.keys)), host.finish(twin.token))


@settings(max_examples=20)
@given(st.binary(min_size=1, max_size=32), st.binary(min_size=16, max_size=16), st.integers(1, 2**250), st.integers(1, 2**250))
def test_generated_runs_against_the_twin(pin: bytes, nonce: bytes, map_scalar: int, agree_scalar: int):
    with Vault() as vault:
        card = CardEnd(vault, SMALL, vault.password(pin))
        twin_card = Twin(SMALL.curve.name, SMALL.oid, 16, pin, map_scalar, agree_scalar)
        card._handshake.inject(Injection.NONCE, nonce)
        card._handshake.inject(Injection.MAP, map_scalar.to_bytes(32, "big"))
        card._handshake.inject(Injection.AGREE, agree_scalar.to_bytes(32, "big"))
        host = twin_of(SMALL, pin)
        z = card.nonce()
        assert z == twin_card.seal(nonce)
        host.open(z)
        twin_card.map(host.map_point)
        assert card.map(host.map_point) == twin_card.map_point
        host.map(twin_card.map_point)
        twin_card.agree(host.agree_point)
        assert card.agree(host.agree_point) == twin_card.agree_point
        host.agree(twin_card.agree_point)
        assert card.finish(host.token, count)[0] == twin_card.token == host.expected


# ---- wrong password, wrong token -------------------------------------------------------------------------------------------


def test_a_wrong_password_shows_at_the_last_step(vault: Vault, suite: Suite):
    card, host = ends(vault, suite, host_pin=b"0123456788")
    token = host.agree(card.agree(host.map(card.map(host.nonce(card.nonce())))))
    tries: list[int] = []
    with pytest.raises(CardError) as caught:
        card.finish(token, lambda: tries.append(1))
    assert (caught.value.sw, tries, card.state) == (SW.AUTHENTICATION_FAILED, [1], State.ENDED)
    with pytest.raises(PaceError, match="does not know the password"):
        host.finish(bytes(8))
    assert vault.live == 0


def test_every_bit_of_a_token_counts(vault: Vault):
    for bit in range(64):
        card, host = ends(vault)
        token = bytearray(host.agree(card.agree(host.map(card.map(host.nonce(card.nonce()))))))
        token[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CardError) as caught:
            card.finish(bytes(token), count)
        assert caught.value.sw == SW.AUTHENTICATION_FAILED
    for bit in (0, 7, 63):
        card, host = ends(vault)
        token = bytearray(card.finish(host.agree(card.agree(host.map(card.map(host.nonce(card.nonce()))))), count)[0])
        token[bit // 8] ^= 1 << bit % 8
        with pytest.raises(PaceError):
            host.finish(bytes(token))


@pytest.mark.parametrize("length", [0, 1, 7, 9, 16])
def test_a_token_of_another_length_costs_no_try(vault: Vault, length: int):
    card, host = ends(vault)
    token = host.agree(card.agree(host.map(card.map(host.nonce(card.nonce())))))
    with pytest.raises(CardError) as caught:
        card.finish((token * 2)[:length], lambda: pytest.fail("a try was counted"))
    assert (caught.value.sw, card.state) == (SW.WRONG_DATA, State.ENDED)
    with pytest.raises(PaceError):
        host.finish((token * 2)[:length])
    assert vault.live == 0


def test_the_hosts_own_token_sent_back(vault: Vault):
    card, host = ends(vault)
    token = host.agree(card.agree(host.map(card.map(host.nonce(card.nonce())))))
    with pytest.raises(PaceError):
        host.finish(token)
    assert host.state is State.ENDED


def test_who_does_not_authorise_gets_no_comparison(vault: Vault):
    card, host = ends(vault)
    token = host.agree(card.agree(host.map(card.map(host.nonce(card.nonce())))))

    def refuse() -> None:
        raise CardError(SW.MEMORY_FAILURE)

    with pytest.raises(CardError) as caught:
        card.finish(token, refuse)
    assert (caught.value.sw, card.state) == (SW.MEMORY_FAILURE, State.ENDED)
    with pytest.raises(CardError) as again:
        card.finish(token, count)
    assert again.value.sw == SW.CONDITIONS


# ---- mistakes of others (facts of TR-03110-3) --------------------------------------------------------------------------------


class NonceWithPadding(Twin):
    def open(self, z: bytes) -> None:
        super().open(z)
        self.nonce = self.nonce.rstrip(b"\x00")[:-1]


class LittleEndianCounter(Twin):
    def derive(self, secret: bytes, counter: int) -> bytes:
        return super().derive(secret, counter << 24)


class SecretWithoutLeadingZeros(Twin):
    @property
    def secret(self) -> bytes:
        return super().secret.lstrip(b"\x00")


class TokenOverOwnKey(Twin):
    @property
    def token(self) -> bytes:
        return self.token_over(self.agree_point)


class TailOfToken(Twin):
    def token_over(self, point: bytes) -> bytes:
        from tests.reference.securemessaging import cmac

        return cmac(self.keys[1], self.token_input(point))[-8:]


class TokenOverAnotherProtocol(Twin):
    def token_input(self, point: bytes) -> bytes:
        return super().token_input(point).replace(self.oid, self.oid[:-1] + b"\x04")


class MappedWithoutNonce(Twin):
    def open(self, z: bytes) -> None:
        self.nonce = bytes(16)


@pytest.mark.parametrize(
    "mistaken",
    [NonceWithPadding, LittleEndianCounter, TokenOverOwnKey, TailOfToken, TokenOverAnotherProtocol, MappedWithoutNonce],
)
def test_mistakes_of_a_host(vault: Vault, mistaken: type[Twin]):
    card, _ = ends(vault)
    twin = twin_of(SMALL, kind=mistaken)
    twin.open(card.nonce())
    twin.map(card.map(twin.map_point))
    twin.agree(card.agree(twin.agree_point))
    with pytest.raises(CardError) as caught:
        card.finish(twin.token, count)
    assert caught.value.sw == SW.AUTHENTICATION_FAILED


def test_leading_zeros_of_the_shared_secret_count(vault: Vault):
    """The scalar of step 3 is searched for that gives a secret with a leading zero."""
    scalar = 0
    while True:
        scalar += 1
        card, twin = CardEnd(vault, SMALL, vault.password(PIN)), twin_of(SMALL)
        twin.map_scalar, twin.agree_scalar = 5, 7
        twin.nonce = bytes(16)
        curve = twin.curve
        generator = curve.multiply(15, curve.g)  # both map with 3 * 5, and a nonce of zero
        secret = curve.multiply(7 * scalar, generator)
        assert secret is not None
        if scalar not in (0, 7) and secret[0] >> 248 == 0:
            break
    card._handshake.inject(Injection.NONCE, bytes(16))
    card._handshake.inject(Injection.MAP, (3).to_bytes(32, "big"))
    card._handshake.inject(Injection.AGREE, scalar.to_bytes(32, "big"))
    mistaken = SecretWithoutLeadingZeros(SMALL.curve.name, SMALL.oid, 16, PIN, 5, 7)
    for end in (twin, mistaken):
        end.nonce = bytes(16)
        end.map(curve.encode(curve.multiply(3, curve.g)))
        end.agree(curve.encode(curve.multiply(scalar, generator)))
    assert twin.secret[0] == 0
    assert twin.token != mistaken.token
    card.nonce()
    card.map(twin.map_point)
    card.agree(twin.agree_point)
    assert card.finish(twin.token, count)[0] == twin.expected


# ---- points that are no public keys ----------------------------------------------------------------------------------------


def bad_points(suite: Suite) -> dict[str, bytes]:
    curve = curve_of(suite.curve.name)
    size, (x, y) = curve.size, curve.g
    good = curve.encode(curve.multiply(77, curve.g))
    other = curve_of("NIST256p" if size == 32 else "NIST384p" if size == 48 else "NIST521p")
    foreign = b"\x04" + other.encode(other.g)[1:].rjust(2 * size, b"\x00")
    return {
        "none": b"",
        "infinity": b"\x00",
        "a prefix alone": b"\x04",
        "one byte short": good[:-1],
        "one byte long": good + b"\x00",
        "compressed": bytes((2 + y % 2,)) + x.to_bytes(size, "big"),
        "compressed and filled": bytes((2 + y % 2,)) + good[1:],
        "hybrid": bytes((6 + good[-1] % 2,)) + good[1:],
        "without prefix": good[1:],
        "prefix 00": b"\x00" + good[1:],
        "zeroes": b"\x04" + bytes(2 * size),
        "x = p": b"\x04" + curve.p.to_bytes(size, "big") + good[1 + size :],
        "y = p": good[: 1 + size] + curve.p.to_bytes(size, "big"),
        "x beyond p": b"\x04" + b"\xff" * size + good[1 + size :],
        "not on the curve": good[:-1] + bytes((good[-1] ^ 1,)),
        "coordinates exchanged": b"\x04" + good[1 + size :] + good[1 : 1 + size],
        "another curve": foreign,
        "long": good * 3,
    }


@pytest.mark.parametrize("name", bad_points(SMALL))
@pytest.mark.parametrize("step", ["map", "agree"])
def test_bad_points_at_the_card(vault: Vault, suite: Suite, step: str, name: str):
    card, host = ends(vault, suite)
    key = host.nonce(card.nonce())
    if step == "agree":
        card.map(key)
    with pytest.raises(CardError) as caught:
        getattr(card, step)(bad_points(suite)[name])
    assert (caught.value.sw, card.state) == (SW.WRONG_DATA, State.ENDED)
    del host
    assert vault.live == 0


@pytest.mark.parametrize("name", bad_points(SMALL))
@pytest.mark.parametrize("step", ["map", "agree"])
def test_bad_points_at_the_host(vault: Vault, step: str, name: str):
    card, host = ends(vault)
    key = host.nonce(card.nonce())
    if step == "agree":
        host.map(card.map(key))
    with pytest.raises(PaceError, match="the card's public key is bad"):
        getattr(host, step)(bad_points(SMALL)[name])
    assert host.state is State.ENDED


def test_our_own_key_for_the_mapping(vault: Vault, suite: Suite):
    card, host = ends(vault, suite)
    curve = curve_of(suite.curve.name)
    card._handshake.inject(Injection.MAP, (99).to_bytes(curve.size, "big"))
    z = card.nonce()
    with pytest.raises(CardError) as caught:
        card.map(curve.encode(curve.multiply(99, curve.g)))
    assert (caught.value.sw, card.state) == (SW.AUTHENTICATION_FAILED, State.ENDED)
    with pytest.raises(PaceError):
        host.map(host.nonce(z))
    assert vault.live == 0


def test_our_own_key_for_the_agreement(vault: Vault):
    card, host = ends(vault)
    twin = twin_of(SMALL)
    card._handshake.inject(Injection.AGREE, twin.agree_scalar.to_bytes(32, "big"))
    twin.open(card.nonce())
    twin.map(card.map(twin.map_point))
    with pytest.raises(CardError) as caught:
        card.agree(twin.agree_point)
    assert caught.value.sw == SW.AUTHENTICATION_FAILED
    card, _ = ends(vault)
    key = host.map(card.map(host.nonce(card.nonce())))
    with pytest.raises(PaceError):
        host.agree(key)


@pytest.mark.parametrize(("factor", "name"), [(0, "infinity"), (1, "G"), (-1, "-G")])
def test_a_mapping_to_nothing_new(vault: Vault, suite: Suite, factor: int, name: str):
    """A host that knew the nonce could choose s G + H: O, G and -G are refused."""
    curve = curve_of(suite.curve.name)
    nonce, scalar = bytes(range(16)), 0xABCDEF
    card, _ = ends(vault, suite)
    card._handshake.inject(Injection.NONCE, nonce)
    card._handshake.inject(Injection.MAP, scalar.to_bytes(curve.size, "big"))
    card.nonce()
    chosen = (factor - int.from_bytes(nonce, "big")) * pow(scalar, -1, curve.n)
    with pytest.raises(CardError) as caught:
        card.map(curve.encode(curve.multiply(chosen, curve.g)))
    assert (caught.value.sw, card.state) == (SW.WRONG_DATA, State.ENDED), name


def test_a_nonce_of_zero_is_a_nonce(vault: Vault):
    card, host = ends(vault)
    card._handshake.inject(Injection.NONCE, bytes(16))
    assert card.finish(host.agree(card.agree(host.map(card.map(host.nonce(card.nonce()))))), count)


# ---- order -----------------------------------------------------------------------------------------------------------------

STEPS = ("nonce", "map", "agree", "finish")
OUT_OF_ORDER = [(done, step) for done in range(4) for step in STEPS if STEPS[done] != step]


def advance(card: CardEnd, host: HostEnd, steps: int) -> list[bytes]:
    """Both ends after some steps, and what the host said in each."""
    said = [b""]
    for step in STEPS[:steps]:
        answer = card.nonce() if step == "nonce" else getattr(card, step)(said[-1])
        said.append(getattr(host, step)(answer))
    return said


def call(end: CardEnd | HostEnd, step: str, value: bytes) -> object:
    if isinstance(end, CardEnd):
        return end.nonce() if step == "nonce" else end.finish(value, count) if step == "finish" else getattr(end, step)(value)
    return getattr(end, step)(value)


@pytest.mark.parametrize(("done", "step"), OUT_OF_ORDER)
def test_a_step_out_of_order_at_the_card(vault: Vault, done: int, step: str):
    card, host = ends(vault)
    said = advance(card, host, done)
    for _ in range(2):
        with pytest.raises(CardError) as caught:
            call(card, step, said[-1])
        assert (caught.value.sw, card.state) == (SW.CONDITIONS, State.ENDED)
    with pytest.raises(CardError):
        call(card, STEPS[done], said[-1])
    del host
    assert vault.live == 0


@pytest.mark.parametrize(("done", "step"), OUT_OF_ORDER)
def test_a_step_out_of_order_at_the_host(vault: Vault, done: int, step: str):
    card, host = ends(vault)
    advance(card, host, done)
    with pytest.raises(PaceError, match="can not follow"):
        call(host, step, bytes(16))
    assert host.state is State.ENDED
    del card
    assert vault.live == 0


@pytest.mark.parametrize("done", range(4))
def test_abort_wipes_everything(vault: Vault, done: int):
    card, host = ends(vault)
    advance(card, host, done)
    for end in (card, host, card):
        end.abort()
    assert (card.state, host.state, vault.live) == (State.ENDED, State.ENDED, 0)
    with pytest.raises(CardError):
        call(card, STEPS[done], bytes(8))


def test_nothing_follows_a_finished_run(vault: Vault):
    card, host = ends(vault)
    token, session = card.finish(advance(card, host, 3)[-1], count)
    host_session = host.finish(token)
    for step in STEPS:
        with pytest.raises(CardError):
            call(card, step, bytes(8))
        with pytest.raises(PaceError):
            call(host, step, bytes(8))
    talk(session, host_session)


def test_the_core_keeps_the_order_too(vault: Vault):
    """Whatever order the values are asked for in: only one works, and any other wipes the handshake."""
    size = SMALL.curve.point_bytes
    calls: list[Callable[..., object]] = [
        lambda handshake: handshake.nonce(),
        lambda handshake: handshake.map_key(),
        lambda handshake: handshake.map(good),
        lambda handshake: handshake.agree_key(),
        lambda handshake: handshake.agree(good),
        lambda handshake: handshake.token(),
        lambda handshake: handshake.finish(bytes(8)),
        lambda handshake: handshake.set_nonce(bytes(16)),
    ]
    twin = twin_of(SMALL)
    good = twin.map_point
    assert len(good) == size
    password = vault.password(PIN)
    for done in range(7):
        for number, wrong in enumerate(calls):
            if number == done:
                continue
            handshake = vault.handshake(HandshakeEnd.CARD, SMALL.curve, 16, SMALL.oid, password)
            for right in calls[:done]:
                right(handshake)
            with pytest.raises(StateError):
                wrong(handshake)
            with pytest.raises(HandleError):
                calls[done](handshake)
            assert vault.live == 1


@pytest.mark.parametrize("length", [0, 15, 17, 32])
def test_an_encrypted_nonce_of_another_length(vault: Vault, length: int):
    host = HostEnd(vault, SMALL, vault.password(PIN))
    with pytest.raises(PaceError, match="16 bytes"):
        host.nonce(bytes(length))
    assert (host.state, vault.live) == (State.ENDED, 0)


# ---- what can not begin ----------------------------------------------------------------------------------------------------


def test_a_released_password_begins_nothing(vault: Vault):
    password = vault.password(PIN)
    password.release()
    with pytest.raises(HandleError):
        CardEnd(vault, SMALL, password)
    assert vault.live == 0


@pytest.mark.parametrize(("key_bytes", "oid"), [(15, b"\x01"), (20, b"\x01"), (16, b""), (16, bytes(17))])
def test_suites_that_are_none(vault: Vault, key_bytes: int, oid: bytes):
    with pytest.raises(CryptoError):
        vault.handshake(HandshakeEnd.CARD, SMALL.curve, key_bytes, oid, vault.password(PIN))


def test_injections_that_do_not_fit(vault: Vault):
    order = curve_of(SMALL.curve.name).n
    for what, value in (
        (Injection.NONCE, bytes(15)),
        (Injection.MAP, bytes(32)),
        (Injection.MAP, bytes(31)),
        (Injection.AGREE, order.to_bytes(32, "big")),
    ):
        card, _ = ends(vault)
        with pytest.raises(CryptoError):
            card._handshake.inject(what, value)
    card, _ = ends(vault)
    card.nonce()
    with pytest.raises(StateError):
        card._handshake.inject(Injection.MAP, (1).to_bytes(32, "big"))
