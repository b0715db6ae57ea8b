# SPDX-License-Identifier: Apache-2.0
"""External authentication of the gateway administrator: the cases of TR-03105-3.3 units K and L."""

import pytest

from tests.card.authority import Chain, Party, day
from tests.card.sessions import (
    SERIAL8,
    administrated,
    authenticate,
    enter,
    import_certificate,
    import_chain,
    sign,
    terminal,
    verify,
)
from tests.card.talk import CURVES, Answer, Terminal, apdu

SELECT = "002281A4068301C5800100"
CHALLENGE = "0084000010"


@pytest.fixture(scope="module")
def chain() -> Chain:
    return Chain()


def operating(chain: Chain) -> Terminal:
    """Phase O, session S, the administrator's keys are known, and nothing is proven by them."""
    talk = terminal("V")
    import_chain(talk, chain)
    enter(talk, "O")
    return talk


def probe(talk: Terminal) -> str:
    """A command that needs S+G: UPDATE BINARY of EF.C.ROOT."""
    talk.send("00A4080C02DF01")
    return talk.send("00D681000130").sw


def proof(chain: Chain, challenge: bytes) -> bytes:
    return apdu("00820000", sign(chain.signing.key, SERIAL8 + challenge))


def not_proven(talk: Terminal) -> bool:
    return probe(talk) == "6982"


def test_K_1(chain: Chain) -> None:
    talk = operating(chain)
    assert not_proven(talk)
    assert [answer.sw for answer in authenticate(talk, chain)] == ["9000"] * 3
    assert probe(talk) == "9000"


def test_K_2(chain: Chain) -> None:
    talk = operating(chain)
    assert talk.send("002281A4068301D0800100").sw == "6A88"
    challenge = talk.send(CHALLENGE).data
    assert talk.send(proof(chain, challenge)).sw == "6985"
    assert not_proven(talk)


def test_K_3(chain: Chain) -> None:
    talk = operating(chain)
    assert talk.send(SELECT).sw == "9000"
    challenge = talk.send(CHALLENGE).data
    assert talk.plain(proof(chain, challenge)).sw == "6982"
    assert not talk.alive
    assert talk.pace().sw == "9000"
    assert not_proven(talk)


def test_K_5(chain: Chain) -> None:
    talk = operating(chain)
    selected = talk.send("002281A4068301C0800100")
    challenge = talk.send(CHALLENGE).data
    answer = talk.send(apdu("00820000", sign(chain.root.key, SERIAL8 + challenge)))
    assert selected.sw == "6A81" or answer.sw[0] == "6"
    assert answer.sw == "6985"
    assert not_proven(talk)


def test_K_6(chain: Chain) -> None:
    talk = operating(chain)
    assert talk.send(SELECT).sw == "9000"
    answer = talk.attempt(proof(chain, talk.send(CHALLENGE).data), cla=0x8C)
    assert answer.sw == "6E00"
    if not answer.protected:
        assert talk.pace().sw == "9000"
    assert not_proven(talk)


def test_K_7(chain: Chain) -> None:
    talk = operating(chain)
    assert talk.send(SELECT).sw == "9000"
    first, second = talk.send(CHALLENGE).data, talk.send(CHALLENGE).data
    assert first != second
    assert talk.send(proof(chain, first)).sw == "6300"
    assert talk.send(proof(chain, second)).sw == "6985"  # the challenge went with the try
    assert not_proven(talk)


def test_K_9(chain: Chain) -> None:
    talk = operating(chain)
    assert talk.send(SELECT).sw == "9000"
    assert talk.send(proof(chain, bytes(16))).sw == "6985"
    assert not_proven(talk)


def test_K_10(chain: Chain) -> None:
    talk = operating(chain)
    assert talk.send(proof(chain, talk.send(CHALLENGE).data)).sw == "6985"
    assert not_proven(talk)


def test_K_16(chain: Chain) -> None:
    talk = operating(chain)
    challenge = talk.send(CHALLENGE).data
    assert talk.send("00B09C0001").sw == "9000"
    assert talk.send(SELECT).sw == "9000"
    assert talk.send(proof(chain, challenge)).sw == "9000"
    assert probe(talk) == "9000"


def test_L_10(chain: Chain) -> None:
    talk = operating(chain)
    assert talk.send(SELECT).sw == "9000"
    assert talk.send(CHALLENGE).sw == "9000"
    answer = probe(talk)
    assert answer == "6982"
    assert talk.alive


def test_L_11(chain: Chain) -> None:
    talk = operating(chain)
    assert talk.send(SELECT).sw == "9000"
    right = proof(chain, talk.send(CHALLENGE).data)
    assert talk.send(right[:-1] + bytes([right[-1] ^ 1])).sw == "6300"
    assert probe(talk) == "6982"
    assert talk.send(right).sw == "6985"


# ---- beyond the sheet ----


def wrong(talk: Terminal) -> Answer:
    talk.send(SELECT)
    talk.send(CHALLENGE)
    return talk.send(apdu("00820000", b"\x01" * 64))


def test_the_fifth_failure_ends_the_session(chain: Chain) -> None:
    talk = operating(chain)
    assert [wrong(talk).sw for _ in range(5)] == ["6300"] * 4 + ["6983"]
    assert not talk.alive
    assert talk.pace().sw == "9000"
    assert [answer.sw for answer in authenticate(talk, chain)] == ["9000"] * 3


@pytest.mark.parametrize("end", ["restore", "phase", "reset", "plain", "import"])
def test_what_ends_the_administrators_right(chain: Chain, end: str) -> None:
    talk, _ = administrated("O", chain)
    assert probe(talk) == "9000"
    if end == "restore":
        assert talk.send("0022F301").sw == "9000"
    elif end == "phase":
        assert talk.send("00DADF210104").sw == "9000"
    elif end == "import":
        fresh = Party("Example.GWA")
        assert verify(talk, 0xC2, 0xC5, chain.issue(fresh, chain.sub, "SIG")) == "9000"
    else:
        talk.reset() if end == "reset" else talk.plain("00CADF2101")
        assert talk.pace().sw == "9000"
    assert not_proven(talk)


def test_a_second_proof_is_allowed(chain: Chain) -> None:
    talk, _ = administrated("O", chain)
    assert [answer.sw for answer in authenticate(talk, chain)] == ["9000"] * 3
    assert probe(talk) == "9000"


def test_a_wrong_proof_leaves_no_right_behind(chain: Chain) -> None:
    talk = operating(chain)
    assert wrong(talk).sw == "6300"
    assert not_proven(talk)


@pytest.mark.parametrize("message", ["challenge alone", "serial of another", "challenge first"])
def test_other_messages(chain: Chain, message: str) -> None:
    talk = operating(chain)
    talk.send(SELECT)
    challenge = talk.send(CHALLENGE).data
    signed = {
        "challenge alone": challenge,
        "serial of another": bytes(8) + challenge,
        "challenge first": challenge + SERIAL8,
    }[message]
    assert talk.send(apdu("00820000", sign(chain.signing.key, signed))).sw == "6300"
    assert not_proven(talk)


@pytest.mark.parametrize("length", [8, 15, 17, 32, 256])
def test_only_a_challenge_of_16_bytes_waits(chain: Chain, length: int) -> None:
    talk = operating(chain)
    talk.send(SELECT)
    challenge = talk.send(apdu("00840000", b"", length)).data
    assert len(challenge) == length
    assert talk.send(proof(chain, challenge)).sw == "6985"


@pytest.mark.parametrize("curve", CURVES)
def test_the_hash_goes_with_the_curve(curve: str) -> None:
    administrated("O", Chain(signing=Party("Example.GWA", curve)))


def test_a_deleted_administrator_proves_nothing(chain: Chain) -> None:
    talk, _ = administrated("O", chain)
    assert talk.send("00E4210003" + "8301C5").sw == "9000"
    assert [answer.sw for answer in authenticate(talk, chain)][-1] in ("6985", "6400")


def test_the_expired_administrator_is_refused() -> None:

    chain = Chain(start=day(2024), end=day(2026))
    talk = operating(chain)
    enter(talk, "V")
    later = chain.issue(Party("Example.GWA"), chain.sub, "ENC", start=day(2025), end=day(2030))
    assert verify(talk, 0xC2, 0xC6, later) == "9000"
    assert [answer.sw for answer in authenticate(talk, chain)] == ["9000"] * 3
    past = chain.issue(Party("Other.CA"), chain.root, "SUB", start=day(2027), end=day(2030))
    assert verify(talk, 0xC0, 0xC3, past) in ("9000", "6983")
    talk.card.clock.set(day(2028))  # type: ignore[attr-defined]
    assert [answer.sw for answer in authenticate(talk, chain)][-1] == "6983"
    assert import_certificate(talk, 0xC1, chain.root_certificate).sw == "6983"
