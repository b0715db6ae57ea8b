# SPDX-License-Identifier: Apache-2.0
"""Key agreement, and robustness under secure messaging: the cases of TR-03105-3.3 unit I, chip authentication adapted to ECKA."""

import pytest

from tests.card.sessions import enter, inventory, key_template, terminal
from tests.card.talk import CURVES, Curve, Terminal, apdu, do, undo

every_curve = pytest.mark.parametrize("curve", CURVES.values(), ids=lambda curve: curve.name)
every_phase = pytest.mark.parametrize("phase", "VPO")
EPH_1 = 0x91
SELECT = "002241A606840191" + "80010B"


def prepared(curve: Curve = CURVES["brainpoolP256r1"], phase: str = "V") -> tuple[Terminal, bytes]:
    """The preconditions of all rows: a session, a pair in EPH.1, and the key selected; the terminal and the card's point."""
    talk = terminal("V")
    enter(talk, phase)
    answer = talk.send(apdu("0046C091", key_template(curve.name), 256))
    assert answer.sw == "9000"
    assert talk.send(SELECT).sw == "9000"
    return talk, undo(undo(answer.data, 0x7F49), 0x86)


def general_authenticate(point: bytes) -> bytes:
    return apdu("00860000", do(0x7C, do(0x85, point)), 256)


def is_empty(talk: Terminal) -> bool:
    return inventory(talk)[EPH_1] == (0, b"")


def agrees(curve: Curve, own: int, phase: str = "V") -> None:
    talk, cards = prepared(curve, phase)
    keys = talk.channel
    answer = talk.send(general_authenticate(curve.public(own)))
    assert (answer.sw, undo(undo(answer.data, 0x7C), 0x86)) == ("9000", curve.shared(own, cards))
    assert talk.channel is keys  # key agreement never changes the session's keys
    assert talk.alive
    assert is_empty(talk)
    assert talk.send(general_authenticate(curve.public(own))).sw == "6400"


@every_curve
@every_phase
def test_I_1(curve: Curve, phase: str) -> None:
    agrees(curve, curve.scalar(), phase)


@every_curve
def test_I_3(curve: Curve) -> None:
    talk, _ = prepared(curve)
    others = {other.size: other for other in CURVES.values() if other.size != curve.size}
    for other in others.values():
        answer = talk.send(general_authenticate(other.public(other.scalar())))
        assert (answer.sw, answer.data) == ("6A80", b"")
        assert talk.alive
    assert not is_empty(talk)  # nothing that looked like a point has come


def test_I_4() -> None:
    talk, _ = prepared()
    curve = CURVES["brainpoolP256r1"]
    assert talk.plain(SELECT).sw == "9000"
    assert talk.plain(general_authenticate(curve.public(curve.scalar()))).sw == "6982"
    assert not talk.alive


@pytest.mark.parametrize("command", [SELECT, general_authenticate(CURVES["brainpoolP256r1"].public(7)).hex()], ids=["MSE", "GA"])
def test_I_5(command: str) -> None:
    talk, _ = prepared()
    answer = talk.attempt(command, cla=0x8C)
    assert (answer.sw, answer.data) == ("6E00", b"")
    if answer.protected:
        assert talk.alive


def test_I_7() -> None:
    talk, cards = prepared()
    assert talk.send(SELECT + "00").sw == "9000"  # a needless Le is ignored: the profile is lenient where the TR is not
    assert talk.alive
    curve = CURVES["brainpoolP256r1"]
    answer = talk.send(general_authenticate(curve.public(3)))
    assert undo(undo(answer.data, 0x7C), 0x86) == curve.shared(3, cards)


def with_top_bit(curve: Curve, coordinate: int) -> int:
    """A scalar whose point has the first bit of x (0) or y (1) set."""
    for scalar in range(2, 1000):
        if curve.public(scalar)[1 + coordinate * curve.size] & 0x80:
            return scalar
    raise AssertionError("no such point")


@every_curve
def test_I_11(curve: Curve) -> None:
    agrees(curve, with_top_bit(curve, 0))


@every_curve
def test_I_13(curve: Curve) -> None:
    agrees(curve, with_top_bit(curve, 1))


def test_I_14() -> None:
    talk, _ = prepared()
    assert talk.send("002241A603" + "84017F").sw == "6A88"
    assert talk.alive
    assert not is_empty(talk)


def beyond_the_field(curve: Curve) -> bytes:
    """A point of the curve, x written as x + p: the least x for which there is one."""
    a, b, p = int(curve.known.curve.a()), int(curve.known.curve.b()), curve.p
    x = 1
    while True:
        square = (x**3 + a * x + b) % p
        y = pow(square, (p + 1) // 4, p)  # p is 3 mod 4 on all five
        if y * y % p == square:
            return b"\x04" + (x + p).to_bytes(curve.size, "big") + y.to_bytes(curve.size, "big")
        x += 1


@every_curve
@every_phase
def test_I_15(curve: Curve, phase: str) -> None:
    talk, _ = prepared(curve, phase)
    p_plus_one = b"\x04" + (curve.p + 1).to_bytes(curve.size, "big") + bytes(curve.size)
    answer = talk.send(general_authenticate(p_plus_one))
    assert (answer.sw, answer.data) == ("6A80", b"")
    assert talk.alive
    assert is_empty(talk)
    talk, _ = prepared(curve, phase)
    assert talk.send(general_authenticate(beyond_the_field(curve))).sw == "6A80"
    assert talk.alive


@every_curve
@every_phase
def test_I_16(curve: Curve, phase: str) -> None:
    talk, _ = prepared(curve, phase)
    point = curve.public(curve.scalar())
    answer = talk.send(general_authenticate(point[:-1] + bytes([point[-1] ^ 1])))
    assert (answer.sw, answer.data) == ("6A80", b"")
    assert talk.alive
    assert is_empty(talk)  # one use, whatever came of it


# ---- beyond the sheet ----


@pytest.mark.parametrize(
    ("content", "sw"),
    [
        (b"", "6985"),  # begins PACE, which no session may
        (do(0x86, bytes(65)), "6A80"),
        (do(0x85, b""), "6A80"),
        (do(0x85, b"\x00"), "6A80"),
        (do(0x85, b"\x04" + bytes(63)), "6A80"),
        (do(0x85, b"\x04" + bytes(64)) * 2, "6A80"),
        (b"\x85", "6A80"),
    ],
)
def test_other_templates(content: bytes, sw: str) -> None:
    talk, _ = prepared()
    assert talk.send(apdu("00860000", do(0x7C, content), 256)).sw in (sw, "6883" if not content else sw)
    assert talk.alive


def test_an_agreed_value_is_not_cut() -> None:
    curve = CURVES["brainpoolP256r1"]
    talk, cards = prepared()
    command = general_authenticate(curve.public(5))
    assert talk.send(command[:-1] + b"\x10").sw == "6C24"
    assert not is_empty(talk)
    assert undo(undo(talk.send(command).data, 0x7C), 0x86) == curve.shared(5, cards)


@pytest.mark.parametrize("end", ["reset", "session", "phase"])
def test_ephemeral_keys_do_not_outlive(end: str) -> None:
    talk, _ = prepared()
    if end == "reset":
        talk.reset()
    elif end == "session":
        talk.plain("00CADF2101")
    else:
        enter(talk, "P")
    if end != "phase":
        assert talk.pace().sw == "9000"
    assert is_empty(talk)


def test_content_keys_stay() -> None:
    """ECKA-EG with the static key: as often as messages come."""
    curve = CURVES["brainpoolP256r1"]
    talk = terminal("V")
    cards = undo(undo(talk.send("0046808500").data, 0x7F49), 0x86)
    assert talk.send("002241A60684018580010C").sw == "9000"
    assert talk.send(general_authenticate(curve.public(9))).sw == "6982"  # not yet active
    assert talk.send("00442085").sw == "9000"
    for own in (9, curve.scalar()):
        assert undo(undo(talk.send(general_authenticate(curve.public(own))).data, 0x7C), 0x86) == curve.shared(own, cards)
