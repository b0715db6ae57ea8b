# SPDX-License-Identifier: Apache-2.0
"""What a PC/SC program sees of the readers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from secmod.errors import DriverError
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from tests.pcsc import client as c
from tests.pcsc.client import CClient
from tests.reader.cards import ATR, ATR_T0, ReaderTestCard

READER = "secmod reader 0 00 00"

StartPcscd = Callable[..., PrivatePcscd]
StartServer = Callable[..., Server]
StartClient = Callable[[PrivatePcscd], CClient]


def run(pcscd: PrivatePcscd, *command: str) -> str:
    return subprocess.run(
        command, env={**os.environ, **pcscd.env}, capture_output=True, text=True, check=True, timeout=60, errors="replace"
    ).stdout


@pytest.mark.both
def test_a_reader_is_listed_and_empty_before_any_card_process(client: CClient) -> None:
    assert client.readers() == [READER]
    assert not client.watch(READER).present
    assert client.connect(READER)[0] == c.NO_SMARTCARD


@pytest.mark.both
def test_atr_and_protocol(pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    start_server(pcscd)
    assert client.connect(READER) == (c.OK, c.T1)
    rv, _, protocol, atr = client.call("status")
    assert (int(rv, 16), int(protocol), bytes.fromhex(atr)) == (c.OK, c.T1, ATR)


@pytest.mark.both
def test_short_commands(pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    start_server(pcscd)
    client.connect(READER)
    assert client.transmit(bytes.fromhex("00840000")) == (c.OK, b"\x90\x00")
    assert client.transmit(bytes.fromhex("8010000003AABBCC")) == (c.OK, bytes.fromhex("03AABBCC9000"))
    assert client.transmit(bytes.fromhex("801200FF")) == (c.OK, bytes(range(251)) + bytes(range(4)) + b"\x90\x00")


@pytest.mark.parametrize("length", [256, 32767, 65535, 65536, 65542])
@pytest.mark.both
def test_extended_commands_both_ways(length: int, pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    """65,546 bytes of command, 65,544 of response; the limit of pcscd is 65,548."""
    start_server(pcscd)
    client.connect(READER)
    data = bytes(i % 253 for i in range(length))
    assert client.transmit(bytes.fromhex("80100000") + data) == (c.OK, data + b"\x90\x00")


@pytest.mark.both
def test_the_longest_message_of_all(pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    class Longest(ReaderTestCard):
        def transmit(self, command: bytes) -> bytes:
            assert len(command) == 65548
            return command

    start_server(pcscd, Longest())
    client.connect(READER)
    command = bytes(i % 241 for i in range(65548))
    assert client.transmit(command) == (c.OK, command)


@pytest.mark.both
def test_t0_is_selectable(pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    start_server(pcscd)
    assert client.connect(READER, c.T0) == (c.OK, c.T0)
    assert client.transmit(bytes.fromhex("8010000003AABBCC"))[0] == c.OK
    assert client.bytes_of("attribute 80201") == (c.OK, bytes([c.T0, 0, 0, 0]))
    client.disconnect(1)
    assert client.connect(READER, c.T1) == (c.OK, c.T1)
    assert client.bytes_of("attribute 80201") == (c.OK, bytes([c.T1, 0, 0, 0]))


@pytest.mark.both
def test_a_card_may_speak_t0_only(pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    start_server(pcscd, ReaderTestCard(ATR_T0, "T0"))
    assert client.connect(READER, c.T1)[0] == c.PROTO_MISMATCH
    assert client.connect(READER) == (c.OK, c.T0)
    rv, answer = client.transmit(bytes.fromhex("8010000003AABBCC"))
    assert (rv, answer[:1]) == (c.OK, b"\x61")
    rv, answer = client.transmit(bytes([0x00, 0xC0, 0, 0, answer[1]]))
    assert (rv, answer[:4], answer[-2:]) == (c.OK, bytes.fromhex("03AABBCC"), b"\x90\x00")


@pytest.mark.both
def test_reset_and_unpower_reach_the_card(pcscd: PrivatePcscd, start_server: StartServer, start_client: StartClient) -> None:
    card = ReaderTestCard()
    start_server(pcscd, card)
    one, two = start_client(pcscd), start_client(pcscd)
    assert one.connect(READER) == two.connect(READER) == (c.OK, c.T1)
    card.history.clear()
    assert one.reconnect(1) == c.OK  # SCARD_RESET_CARD
    assert card.history == ["reset"]
    assert two.transmit(bytes.fromhex("00840000"))[0] == c.RESET_CARD
    assert two.reconnect(2) == c.OK  # SCARD_UNPOWER_CARD
    assert card.history == ["reset", "off", "on"]
    assert one.transmit(bytes.fromhex("00840000"))[0] == c.RESET_CARD


@pytest.mark.both
def test_a_transaction_makes_others_wait(pcscd: PrivatePcscd, start_server: StartServer, start_client: StartClient) -> None:
    start_server(pcscd)
    one, two, late = (start_client(pcscd) for _ in range(3))
    assert one.connect(READER) == two.connect(READER) == (c.OK, c.T1)
    assert one.call("begin") == ["00000000", ""]
    two.ask("transmit 8010000001BB")
    late.ask(f"connect {READER} 3")
    for _ in range(100):
        assert one.transmit(bytes.fromhex("8010000001AA")) == (c.OK, bytes.fromhex("01AA9000"))
    assert one.call("end 0") == ["00000000", ""]
    assert two.hear() == ["00000000", "01BB9000"]
    assert late.hear() == ["00000000", str(c.T1)]
    assert two.call("begin") == ["00000000", ""]
    late.ask("begin")
    assert two.call("end 0") == ["00000000", ""]
    assert late.hear() == ["00000000", ""]


@pytest.mark.both
def test_a_program_killed_within_a_transaction(pcscd: PrivatePcscd, start_server: StartServer, start_client: StartClient) -> None:
    card = ReaderTestCard()
    start_server(pcscd, card)
    one, two = start_client(pcscd), start_client(pcscd)
    assert one.connect(READER) == two.connect(READER) == (c.OK, c.T1)
    assert one.call("begin") == ["00000000", ""]
    two.ask("transmit 00840000")
    one.kill()
    assert int(two.hear()[0], 16) == c.RESET_CARD
    assert card.history[-1] == "reset"
    assert two.reconnect(0) == c.OK
    assert two.transmit(bytes.fromhex("00840000")) == (c.OK, b"\x90\x00")


@pytest.mark.both
def test_attributes(pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    start_server(pcscd)
    client.connect(READER)
    expected = {
        0x10100: b"secmod\0",
        0x10101: b"secmod software reader\0",
        0x10102: b"\x00\x00\x01\x00",
        0x10103: b"0000\0",
        0x20110: b"\x00\x00\xf0\x00",
        0x80201: b"\x02\x00\x00\x00",
        0x90300: b"\x02",
        0x90301: b"\x01",
        0x90303: ATR,
        0x7A007: (65548).to_bytes(4, "little"),
        0x7FFF0003: READER.encode() + b"\0",
    }
    assert {tag: client.bytes_of(f"attribute {tag:X}") for tag in expected} == {tag: (c.OK, v) for tag, v in expected.items()}
    assert client.bytes_of("attribute 10777") == (c.UNSUPPORTED_FEATURE, b"")


@pytest.mark.both
def test_features(client: CClient) -> None:
    """They are there without a card, and without a card process."""
    assert client.connect(READER, 0)[0] == c.OK
    rv, features = client.bytes_of("control 42000D48")
    codes = {features[i]: features[i + 2 : i + 6].hex() for i in range(0, len(features), 6)}
    assert (rv, set(codes)) == (c.OK, {0x0A, 0x12, 0x13})
    assert client.bytes_of(f"control {codes[0x0A]}") == (c.OK, bytes(4))
    rv, properties = client.bytes_of(f"control {codes[0x12]}")
    assert rv == c.OK
    assert properties.startswith(bytes.fromhex("0A0400000100"))
    assert properties.endswith(b"\x08\x050.1.0")
    assert client.bytes_of("control 42000777") == (c.UNSUPPORTED_FEATURE, b"")


def test_escape(pcscd: PrivatePcscd, client: CClient) -> None:
    assert client.connect(READER, 0)[0] == c.OK
    assert client.bytes_of("control 42000001 AA") == (c.NOT_TRANSACTED, b"")
    with Server([Slot(ReaderTestCard(), pcscd.sockets[0], inserted=False, escape=lambda data: data[::-1])]) as server:
        server.wait_connected(10)
        assert client.bytes_of("control 42000001 AABB") == (c.OK, b"\xbb\xaa")
    with Server([Slot(ReaderTestCard(), pcscd.sockets[0], inserted=False)]) as server:
        server.wait_connected(10)
        assert client.bytes_of("control 42000001 AABB") == (c.UNSUPPORTED_FEATURE, b"")


@pytest.mark.both
def test_a_failing_card_leaves_the_handle_usable(pcscd: PrivatePcscd, start_server: StartServer, client: CClient) -> None:
    start_server(pcscd)
    client.connect(READER)
    assert client.transmit(bytes.fromhex("80160000")) == (c.NOT_TRANSACTED, b"")
    assert client.transmit(bytes.fromhex("00840000")) == (c.OK, b"\x90\x00")


def test_a_hanging_card_runs_into_the_deadline_and_its_late_answer_is_dropped(
    start_pcscd: StartPcscd, start_server: StartServer, start_client: StartClient
) -> None:
    pcscd, card = start_pcscd(deadline_ms=100), ReaderTestCard()
    start_server(pcscd, card, keep_alive=None)
    client = start_client(pcscd)
    client.connect(READER)
    assert client.transmit(bytes.fromhex("80140000")) == (c.NOT_TRANSACTED, b"")
    assert card.started.is_set()
    assert client.transmit(bytes.fromhex("8010000001AA")) == (c.NOT_TRANSACTED, b"")  # stands behind the other one
    card.finish.set()
    assert client.transmit(bytes.fromhex("8010000001BB")) == (c.OK, bytes.fromhex("01BB9000"))


def test_a_working_card_has_all_the_time_it_needs(
    start_pcscd: StartPcscd, start_server: StartServer, start_client: StartClient
) -> None:
    pcscd = start_pcscd(deadline_ms=200)
    start_server(pcscd)
    client = start_client(pcscd)
    client.connect(READER)
    assert client.transmit(bytes.fromhex("80140A00")) == (c.OK, b"\x90\x00")  # a second


@pytest.mark.both
def test_sixteen_readers_with_a_card_each(start_pcscd: StartPcscd, start_server: StartServer, start_client: StartClient) -> None:
    pcscd = start_pcscd(readers=16)
    cards = [ReaderTestCard(ATR[:-1] + bytes([i])) for i in range(16)]
    start_server(pcscd, *cards)
    client = start_client(pcscd)
    readers = client.readers()
    assert len(readers) == 16
    for reader in readers:
        number = int(reader.split(" ")[2])
        assert client.connect(reader)[0] == c.OK
        assert client.call("status")[3] == cards[number].atr.hex().upper()
        assert client.transmit(b"\x80\x10\x00\x00\x01" + bytes([number])) == (c.OK, bytes([1, number, 0x90, 0]))
        client.disconnect()


@pytest.mark.both
def test_one_readers_long_command_does_not_delay_another(
    start_pcscd: StartPcscd, start_server: StartServer, start_client: StartClient
) -> None:
    pcscd, cards = start_pcscd(readers=2), [ReaderTestCard(), ReaderTestCard()]
    start_server(pcscd, *cards)
    slow, quick = start_client(pcscd), start_client(pcscd)
    assert slow.connect("secmod reader 0 00 00")[0] == quick.connect("secmod reader 1 01 00")[0] == c.OK
    slow.ask("transmit 80140000")
    assert cards[0].started.wait(20)
    for _ in range(100):
        assert quick.transmit(bytes.fromhex("00840000")) == (c.OK, b"\x90\x00")
    cards[0].finish.set()
    assert slow.hear() == ["00000000", "9000"]


@pytest.mark.both
def test_opensc_tool(pcscd: PrivatePcscd, start_server: StartServer) -> None:
    start_server(pcscd)
    assert "Yes             secmod reader 0 00 00" in run(pcscd, "opensc-tool", "-l")
    assert run(pcscd, "opensc-tool", "-a").strip().replace(":", "").upper() == ATR.hex().upper()
    assert "Received (SW1=0x90, SW2=0x00)" in run(pcscd, "opensc-tool", "-s", "00:84:00:00:08")


@pytest.mark.both
def test_pcsc_scan(pcscd: PrivatePcscd, start_server: StartServer) -> None:
    start_server(pcscd)
    assert READER in run(pcscd, "pcsc_scan", "-r")
    scan = subprocess.Popen(["pcsc_scan", "-n"], env={**os.environ, **pcscd.env}, stdout=subprocess.PIPE, text=True)
    try:
        for line in scan.stdout:
            if "ATR" in line:
                break
        assert ATR.hex(" ").upper() in line
    finally:
        scan.terminate()
        scan.wait()
        scan.stdout.close()


@pytest.mark.both
def test_pyscard(pcscd: PrivatePcscd, start_server: StartServer) -> None:
    start_server(pcscd)
    script = (
        "from smartcard.System import readers; r = readers()[0]; k = r.createConnection(); k.connect(); "
        "print(r, bytes(k.getATR()).hex(), k.transmit([0x80, 0x10, 0, 0, 1, 0xAA]))"
    )
    assert run(pcscd, os.sys.executable, "-c", script).strip() == f"{READER} {ATR.hex()} ([1, 170], 144, 0)"


def test_daemons_live_side_by_side_and_end_without_a_trace(start_client: StartClient) -> None:
    with PrivatePcscd() as one, PrivatePcscd() as two:
        assert one.pid != two.pid
        assert start_client(one).readers() == start_client(two).readers() == [READER]
        directories = one.directory, two.directory
    assert not any(directory.exists() for directory in directories)
    assert not one.running


def test_a_daemon_that_does_not_come_up_tells_why(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match=r"/nonexistent\.so is no reader driver"), PrivatePcscd(driver="/nonexistent.so"):
        pass
    unreadable = tmp_path / "reader.conf.d"
    unreadable.mkdir()
    (unreadable / "bad").write_text("LIBPATH nonsense\n", encoding="ascii")
    with pytest.raises(DriverError, match=r"did not come up .* its last words: (.|\n)*nonsense"), PrivatePcscd(tmp_path):
        pass
