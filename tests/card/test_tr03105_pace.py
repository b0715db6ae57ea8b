# SPDX-License-Identifier: Apache-2.0
"""PACE: the cases of TR-03105-3.3 unit H, for each suite of the profile."""

import pytest

from tests.card.sessions import PIN, PUK, terminal, tries
from tests.card.talk import CURVES, SUITES, Suite, Terminal, apdu, do, undo
from tests.reference import tlv

every_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
PING = "0CB09C000D9701018E08000000000000000000"
RIGHTS = do(0x7F4C, do(0x06, bytes.fromhex("04007F000703010202")), do(0x53, bytes(5)))


def zero_point(suite: Suite) -> bytes:
    return b"\x04" + bytes(2 * suite.curve.size)


def point_off_the_curve(suite: Suite) -> bytes:
    """x and y are below p, and the last bit of y makes the point wrong."""
    good = suite.curve.public(suite.curve.scalar())
    return good[:-1] + bytes([good[-1] ^ 1])


def no_session(talk: Terminal) -> bool:
    return talk.raw(PING).hex() == "6988"


@every_suite
@pytest.mark.parametrize("phase", "VO")
def test_H_2(suite: Suite, phase: str) -> None:
    talk = terminal(phase, None)
    handshake = talk.handshake(PIN, 3, suite)
    answers = handshake.run()
    assert [answer.sw for answer in answers] == ["9000"] * 5
    tags = [tlv.parse_all(undo(answer.data, 0x7C)) for answer in answers[1:]]
    lengths = [(tag, len(value)) for objects in tags for tag, value in objects or []]
    point = 1 + 2 * suite.curve.size
    assert lengths == [(0x80, 16), (0x82, point), (0x84, point), (0x86, 8)]
    ping = talk.send("00B09C0001")
    assert (ping.data, ping.sw, ping.protected) == (b"\x31", "9000", True)


@every_suite
@pytest.mark.parametrize("phase", "GVPO")
def test_H_3(suite: Suite, phase: str) -> None:
    talk = terminal(phase, None)
    assert [answer.sw for answer in talk.handshake(PUK, 4, suite).run()] == ["9000"] * 5
    ping = talk.send("00B09C0001")
    assert (ping.data, ping.sw) == (b"\x31", "9000")
    assert talk.send("00CADF2200").sw == "6982"  # the session is of kind U


@every_suite
@pytest.mark.parametrize("reference", [3, 4])
def test_H_4d_and_H_5d(suite: Suite, reference: int) -> None:
    talk = terminal("V", None)
    handshake = talk.handshake(PIN if reference == 3 else PUK, reference, suite)
    assert handshake.select(RIGHTS).sw == "6A80"
    assert handshake.nonce().sw == "6985"


def test_H_5d_before_delivery() -> None:
    assert terminal("I", None).handshake(PUK, 4).select(RIGHTS).sw in ("6A80", "6984", "6982")


@every_suite
def test_H_6d(suite: Suite) -> None:
    talk = terminal("V", None)
    handshake = talk.handshake(PIN, 3, suite)
    for step in (handshake.select, handshake.nonce, handshake.map, handshake.agree):
        assert step().sw == "9000"
    assert handshake.token(lambda token: bytes([token[0] ^ 1]) + token[1:]).sw == "63C9"
    assert no_session(talk)
    assert tries(talk) == "63C9"


@every_suite
def test_H_23(suite: Suite) -> None:
    talk = terminal("V", None)
    known = (3, 4)
    for reference in range(256):
        if reference not in known:
            assert talk.handshake(PIN, reference, suite).select().sw == "6A88", reference


@every_suite
def test_H_34(suite: Suite) -> None:
    talk = terminal("V", None)
    handshake = talk.handshake(PIN, 3, suite)
    for step in (handshake.select, handshake.nonce, handshake.map):
        assert step().sw == "9000"
    assert handshake.agree(zero_point(suite)).sw == "6A80"
    assert handshake.token().sw == "6985"
    assert no_session(talk)
    assert talk.handshake(PIN, 3, suite).select().sw == "9000"  # no try is gone


@every_suite
@pytest.mark.parametrize("step", ["map", "agree"])
def test_H_36(suite: Suite, step: str) -> None:
    talk = terminal("V", None)
    handshake = talk.handshake(PIN, 3, suite)
    for before in (handshake.select, handshake.nonce, *([handshake.map] if step == "agree" else [])):
        assert before().sw == "9000"
    assert getattr(handshake, step)(point_off_the_curve(suite)).sw == "6A80"
    assert handshake.token().sw == "6985"
    assert no_session(talk)
    assert talk.handshake(PIN, 3, suite).select().sw == "9000"


# ---- beyond the sheet ----


def wrong_points(suite: Suite) -> dict[str, bytes]:
    good, size = suite.curve.public(suite.curve.scalar()), suite.curve.size
    return {
        "empty": b"",
        "infinity": b"\x00",
        "short": good[:-1],
        "long": good + b"\x00",
        "compressed": b"\x02" + good[1 : 1 + size],
        "hybrid": b"\x06" + good[1:],
        "x is p": b"\x04" + suite.curve.p.to_bytes(size, "big") + good[1 + size :],
        "other curve": CURVES["secp256r1"].public(5),
    }


@every_suite
@pytest.mark.parametrize("step", ["map", "agree"])
@pytest.mark.parametrize("wrong", wrong_points(SUITES[0]))
def test_no_other_point_is_taken(suite: Suite, step: str, wrong: str) -> None:
    talk = terminal("V", None)
    handshake = talk.handshake(PIN, 3, suite)
    for before in (handshake.select, handshake.nonce, *([handshake.map] if step == "agree" else [])):
        assert before().sw == "9000"
    assert getattr(handshake, step)(wrong_points(suite)[wrong]).sw == "6A80"
    assert handshake.map().sw == "6985"
    assert [answer.sw for answer in talk.handshake(PIN, 3, suite).run()] == ["9000"] * 5


@pytest.mark.parametrize(
    "order",
    ["map", "agree", "token", "nonce nonce", "nonce agree", "nonce token", "nonce map map", "nonce map token", "nonce map nonce"],
)
def test_a_step_out_of_order_ends_the_handshake(order: str) -> None:
    talk = terminal("V", None)
    handshake = talk.handshake()
    assert handshake.select().sw == "9000"
    *before, last = order.split()
    for step in before:
        assert getattr(handshake, step)().sw == "9000"
    assert getattr(handshake, last)().sw == "6985"
    assert handshake.token().sw == "6985"
    assert handshake.nonce().sw == "6985"  # the selection is gone too
    assert tries(talk) == "63CA"
    assert talk.pace().sw == "9000"


def test_the_chain_bit_belongs_to_the_first_three_steps() -> None:
    talk = terminal("V", None)
    handshake = talk.handshake()
    handshake.select()
    assert talk.plain("00860000027C0000").sw == "6883"
    assert handshake.nonce().sw == "6985"
    for step in (handshake.select, handshake.nonce, handshake.map, handshake.agree):
        assert step().sw == "9000"
    assert handshake.token(chain=True).sw == "6883"
    assert tries(talk) == "63CA"


def test_the_cards_own_key_is_not_taken_back() -> None:
    """A reflected key: the card has sent it, so the other party can not own it."""
    talk = terminal("V", None)
    handshake = talk.handshake()
    for step in (handshake.select, handshake.nonce, handshake.map, handshake.agree):
        assert step().sw == "9000"
    # The sheet's order lets the card speak last in steps 2 and 3, so its key can only come back in the next run.
    old = list(handshake.cards_points)
    assert handshake.token().sw == "9000"
    again = talk.handshake()
    for step in (again.select, again.nonce):
        assert step().sw == "9000"
    assert again.map(old[0]).sw == "9000"
    assert again.agree(old[1]).sw == "9000"
    assert again.token().sw == "63C9"


@pytest.mark.parametrize(
    ("data", "sw"),
    [
        (b"", "6700"),
        (do(0x80, SUITES[0].oid), "6A80"),
        (do(0x83, b"\x03"), "6A80"),
        (do(0x80, SUITES[0].oid) + do(0x83, b""), "6A80"),
        (do(0x80, SUITES[0].oid) + do(0x83, b"\x03\x03"), "6A80"),
        (do(0x80, SUITES[0].oid) + do(0x83, b"\x03") * 2, "6A80"),
        (do(0x80, SUITES[0].oid) + do(0x83, b"\x03") + do(0x65, b""), "6A80"),
        (do(0x80, SUITES[0].oid[:-1] + b"\x01") + do(0x83, b"\x03"), "6A80"),
        (do(0x80, SUITES[0].oid) + do(0x83, b"\x03") + do(0x84, b"\x0d"), "9000"),
        (do(0x80, SUITES[1].oid) + do(0x83, b"\x03") + do(0x84, b"\x10"), "9000"),
        (do(0x80, SUITES[0].oid) + do(0x83, b"\x03") + do(0x84, b"\x10"), "6A88"),
        (do(0x83, b"\x03") + do(0x80, SUITES[0].oid), "9000"),
    ],
)
def test_selection_for_pace(data: bytes, sw: str) -> None:
    assert terminal("V", None).plain(apdu("0022C1A4", data)).sw == sw


@pytest.mark.parametrize("between", ["00B09C0001", "00CADF2101", "00200003", "0022F301", "00A4000C023F00"])
def test_another_command_ends_the_handshake(between: str) -> None:
    talk = terminal("V", None)
    handshake = talk.handshake()
    for step in (handshake.select, handshake.nonce, handshake.map):
        assert step().sw == "9000"
    talk.plain(between)
    assert handshake.agree().sw == "6985"
    assert tries(talk) == "63CA"


def test_pace_is_not_run_inside_a_session() -> None:
    talk = terminal("V", "S")
    data = do(0x80, SUITES[0].oid) + do(0x83, b"\x03")
    assert talk.send(apdu("0022C1A4", data)).sw == "6985"
    assert talk.send("00860000027C0000").sw in ("6985", "6883")
    assert talk.alive


def test_a_new_run_in_plain_replaces_the_session() -> None:
    talk = terminal("V", "S")
    old = talk.channel
    assert talk.handshake().select().sw == "9000"
    talk.channel = old
    assert not talk.alive
    assert talk.pace().sw == "9000"
    assert talk.alive
