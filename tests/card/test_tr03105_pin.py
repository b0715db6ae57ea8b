# SPDX-License-Identifier: Apache-2.0
"""Retry counters, blocking, change: the cases of TR-03105-3.3 unit P."""

import pytest

from tests.card.sessions import OTHER_PIN, PIN, PUK, administrated, terminal, tries
from tests.card.talk import SUITES, Suite, Terminal, apdu

every_suite = pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
WRONG = "5555566666"
CHANGE, RESET_WITH_NEW = "00240103", "002C0203"


def select(talk: Terminal, suite: Suite = SUITES[0]) -> str:
    return talk.handshake(PIN, 3, suite).select().sw


def use_up(talk: Terminal, times: int, suite: Suite = SUITES[0]) -> list[str]:
    return [talk.pace(WRONG, 3, suite).sw for _ in range(times)]


def blocked(suite: Suite = SUITES[0]) -> Terminal:
    talk = terminal("V", None)
    assert use_up(talk, 10, suite) == [f"63C{left}" for left in range(9, -1, -1)]
    return talk


@every_suite
def test_P_1(suite: Suite) -> None:
    talk = terminal("V", None)
    assert talk.pace(WRONG, 3, suite).sw == "63C9"
    talk.reset()
    assert select(talk, suite) == "63C9"


@every_suite
def test_P_2(suite: Suite) -> None:
    talk = terminal("V", None)
    assert talk.pace(WRONG, 3, suite).sw == "63C9"
    talk.reset()
    answers = talk.handshake(PIN, 3, suite).run()
    assert [answer.sw for answer in answers] == ["63C9", *["9000"] * 4]
    talk.reset()
    assert select(talk, suite) == "9000"


@every_suite
def test_P_4(suite: Suite) -> None:
    talk = terminal("V", None)
    use_up(talk, 9, suite)
    answers = talk.handshake(PIN, 3, suite).run()
    assert [answer.sw for answer in answers] == ["63C1", *["9000"] * 4]  # no password is suspended here
    assert talk.alive
    talk.reset()
    assert select(talk, suite) == "9000"


@every_suite
def test_P_7(suite: Suite) -> None:
    talk = terminal("V", "S", suite)
    assert talk.send(apdu(RESET_WITH_NEW, OTHER_PIN.encode())).sw == "6982"  # for sessions of kind U
    talk.reset()
    assert talk.pace(PIN, 3, suite).sw == "9000"
    assert talk.send(apdu(CHANGE, OTHER_PIN.encode())).sw == "9000"
    assert talk.alive
    talk.reset()
    assert talk.pace(OTHER_PIN, 3, suite).sw == "9000"
    talk.reset()
    assert talk.pace(PIN, 3, suite).sw == "63C9"


@every_suite
def test_P_8(suite: Suite) -> None:
    talk = terminal("V", None)
    use_up(talk, 9, suite)
    assert talk.pace(WRONG, 3, suite).sw == "63C0"


@every_suite
def test_P_8a(suite: Suite) -> None:
    talk = blocked(suite)
    for _ in range(2):
        handshake = talk.handshake(PIN, 3, suite)
        assert handshake.select().sw == "63C0"
        assert handshake.nonce().sw == "6983"
        talk.reset()
    assert tries(talk) == "6983"


@every_suite
def test_P_9(suite: Suite) -> None:
    talk = blocked(suite)
    assert talk.pace(PUK, 4, suite).sw == "9000"
    assert talk.send("002C0303").sw == "9000"
    talk.reset()
    assert select(talk, suite) == "9000"
    assert talk.pace(PIN, 3, suite).sw == "9000"


@every_suite
def test_P_11(suite: Suite) -> None:
    talk = terminal("V", "U", suite)
    assert talk.send(apdu(RESET_WITH_NEW, OTHER_PIN.encode())).sw == "9000"
    talk.reset()
    assert talk.pace(OTHER_PIN, 3, suite).sw == "9000"
    talk.reset()
    assert talk.pace(PIN, 3, suite).sw == "63C9"


def test_P_15() -> None:
    talk, _ = administrated("O")
    assert talk.send(apdu(CHANGE, OTHER_PIN.encode())).sw == "9000"
    assert talk.alive
    talk.reset()
    assert talk.pace(OTHER_PIN).sw == "9000"


@pytest.mark.parametrize("kind", ["S", "U"])
def test_P_18(kind: str) -> None:
    talk = terminal("V", kind)
    assert talk.send(apdu("002C0202", OTHER_PIN.encode())).sw == "6A88"
    assert talk.alive


@every_suite
def test_P_20(suite: Suite) -> None:
    talk = terminal("V", "S", suite)
    assert talk.send(apdu(CHANGE, b"987654321")).sw == "6A80"
    assert talk.alive
    talk.reset()
    assert select(talk, suite) == "9000"
    assert talk.pace(PIN, 3, suite).sw == "9000"


@every_suite
def test_P_21(suite: Suite) -> None:
    talk = terminal("V", None)
    assert talk.pace(WRONG, 3, suite).sw == "63C9"
    talk.reset()
    assert select(talk, suite) == "63C9"
    talk.reset()
    answers = talk.handshake(PIN, 3, suite).run()
    assert [answer.sw for answer in answers] == ["63C9", *["9000"] * 4]
    talk.reset()
    assert [answer.sw for answer in talk.handshake(PIN, 3, suite).run()] == ["9000"] * 5
    assert talk.alive


# ---- beyond the sheet ----


@pytest.mark.parametrize(
    ("new", "sw"),
    [
        (b"123456789", "6A80"),
        (b"1" * 17, "6A80"),
        (b"12345678901234567", "6A80"),
        (b"123456789A", "6A80"),
        (b"12345 7890", "6A80"),
        (b"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x00", "6A80"),
        (b"7777777777", "6985"),
        (b"0000000000", "6985"),
        (b"0000000001", "9000"),
        (b"1234567890123456", "9000"),
    ],
)
@pytest.mark.parametrize("by", ["change", "reset"])
def test_new_values(new: bytes, sw: str, by: str) -> None:
    talk = terminal("V", "S" if by == "change" else "U")
    assert talk.send(apdu(CHANGE if by == "change" else RESET_WITH_NEW, new)).sw == sw
    talk.reset()
    assert talk.pace(new.decode() if sw == "9000" else PIN).sw == "9000"


@pytest.mark.parametrize("header", ["00240103", "00240003", "002C0203", "002C0303"])
def test_passwords_do_not_change_in_plain(header: str) -> None:
    talk = terminal("V", None)
    data = b"" if header == "002C0303" else (PIN + OTHER_PIN).encode() if header == "00240003" else OTHER_PIN.encode()
    assert talk.plain(apdu(header, data)).sw == "6982"
    assert talk.pace(PIN).sw == "9000"


def test_old_and_new_in_one_command() -> None:
    talk = terminal("V", "S")
    assert talk.send(apdu("00240003", (WRONG + OTHER_PIN).encode())).sw == "63C9"
    assert talk.send(apdu("00240003", (PIN + "98765").encode())).sw == "6985"  # too short for both: no try is counted
    assert talk.plain("00200003").sw == "63C9"
    assert talk.pace().sw == "9000"
    assert talk.send(apdu("00240003", (PIN + OTHER_PIN).encode())).sw == "9000"
    talk.reset()
    assert talk.pace(OTHER_PIN).sw == "9000"


@pytest.mark.parametrize(
    ("kind", "reference", "sw"),
    [(None, 3, "63CA"), (None, 4, "63CA"), ("S", 3, "9000"), ("S", 4, "63CA"), ("U", 3, "63CA"), ("U", 4, "9000")],
)
def test_status_of_a_password(kind: str | None, reference: int, sw: str) -> None:
    talk = terminal("V", kind)
    send = talk.send if kind else talk.plain
    assert send(f"002000{reference:02X}").sw == sw
    assert send(apdu(f"002000{reference:02X}", PIN.encode())).sw == "6982"


def test_status_of_passwords_at_delivery() -> None:
    talk = terminal("I", None)
    assert talk.plain("00200003").sw == "63CA"
    assert talk.plain("00200004").sw == "6984"
    assert talk.plain("00200005").sw == "6A88"
    assert talk.handshake(PUK, 4).select().sw in ("6982", "6984")


def test_the_first_change_integrates_the_module() -> None:
    talk = terminal("I", "T")
    assert talk.send("00CADF2101").data == b"\x01"
    assert talk.send(apdu("00240103", PIN.encode())).sw == "9000"
    assert not talk.alive
    assert talk.plain("00CADF2101").data == b"\x02"
    assert talk.pace("0000000000").sw == "63C9"
    assert talk.pace(PIN).sw == "9000"
    assert talk.send(apdu("00240104", PUK.encode())).sw == "9000"
    talk.reset()
    assert talk.pace(PUK, 4).sw == "9000"


def test_a_puk_is_used_up_too() -> None:
    talk = terminal("V", None)
    assert [talk.pace(PUK[::-1], 4).sw for _ in range(10)] == [f"63C{left}" for left in range(9, -1, -1)]
    assert talk.handshake(PUK, 4).select().sw == "63C0"
    assert talk.pace(PUK, 4).sw == "6983"
    assert talk.pace(PIN).sw == "9000"  # the PIN has a counter of its own


def test_aborted_runs_cost_nothing() -> None:
    talk = terminal("V", None)
    for _ in range(20):
        handshake = talk.handshake(WRONG)
        for step in (handshake.select, handshake.nonce, handshake.map, handshake.agree):
            assert step().sw == "9000"
        talk.reset()
    assert select(talk) == "9000"
