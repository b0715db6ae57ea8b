# SPDX-License-Identifier: Apache-2.0
"""Whatever comes over its sockets, the driver (built with sanitizers) names it, loses nothing, and leaves pcscd alone."""

from __future__ import annotations

import os
import random
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from secmod.reader.driver import ReaderConf
from secmod.reader.frame import MAX_FRAME, Fault, Frame, FrameType, Hello, Refusal, Role
from secmod.reader.pcscd import PrivatePcscd
from secmod.reader.server import Server
from secmod.reader.slot import Slot
from tests.pcsc import client as c
from tests.pcsc.client import CClient
from tests.pcsc.peer import TOKEN, Peer
from tests.reader.cards import ATR, ReaderTestCard

READER = "secmod reader 0 00 00"
ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "native" / "ifd"
COMMAND = bytes.fromhex("00840000")


def connected(peer: Peer, client: CClient) -> socket.socket:
    """The data connection of a card that the client is connected to."""
    client.watch(READER)
    data, _ = peer.insert()
    client.wait_for(present=True)
    client.ask(f"connect {READER} 3")
    request = Frame.parse(data.recv(MAX_FRAME))
    assert request.type is FrameType.PROTOCOL
    data.send(Frame(FrameType.PROTOCOL, request.sequence).encode())
    assert client.hear() == ["00000000", "2"]
    return data


def refusal(frame: Frame) -> tuple[Refusal, str]:
    assert frame.type is FrameType.REFUSED
    return Refusal(frame.payload[0]), frame.payload[1:].decode()


def ended(sock: socket.socket) -> bool:
    try:
        return sock.recv(MAX_FRAME) == b""
    except ConnectionResetError:
        return True


@pytest.fixture(scope="session")
def sanitized_driver(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    library = tmp_path_factory.mktemp("driver") / "libifdsecmod.so"
    flags = ["-std=c11", "-O1", "-g", "-fPIC", "-shared", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    sources = sorted(DRIVER.glob("*.c"))
    subprocess.run(["gcc", *flags, "-I/usr/include/PCSC", *sources, "-o", library], check=True)
    asan = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True).stdout.strip()
    options = {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1", "UBSAN_OPTIONS": "print_stacktrace=1"}
    return library, {"SECMOD_PRELOAD": asan, **options}


@pytest.fixture
def pcscd(start_pcscd: Callable[..., PrivatePcscd], sanitized_driver: tuple[Path, dict[str, str]]) -> Iterator[PrivatePcscd]:
    library, env = sanitized_driver
    pcscd = start_pcscd(driver=library, daemon_env=env, deadline_ms=300)
    pid = pcscd.pid
    yield pcscd
    assert pcscd.running, pcscd.log
    assert pcscd.pid == pid
    assert "Sanitizer" not in pcscd.log
    assert "runtime error" not in pcscd.log


@pytest.fixture
def peer(pcscd: PrivatePcscd, stack: ExitStack) -> Peer:
    return Peer(pcscd.sockets[0], stack)


@pytest.fixture
def card_works(pcscd: PrivatePcscd, client: CClient) -> Callable[[], None]:
    """A proper card process connects and serves a command, whatever was there before."""

    def check() -> None:
        client.watch(READER)
        with Server([Slot(ReaderTestCard(), pcscd.sockets[0])]) as server:
            server.wait_connected(20)
            if not client.state(f"watch {READER}").present:
                client.wait_for(present=True)
            assert client.connect(READER)[0] == c.OK
            assert client.transmit(COMMAND) == (c.OK, b"\x90\x00")
            client.disconnect()

    return check


HELLO = Hello(Role.DATA, TOKEN).encode()


@pytest.mark.parametrize(
    ("message", "reason", "sentence"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", Refusal.HELLO, "did not say hello"),
        (b"\x30", Refusal.HELLO, "did not say hello"),
        (bytes(MAX_FRAME), Refusal.HELLO, "did not say hello"),
        (Frame(FrameType.INSERTED).encode(), Refusal.HELLO, "did not say hello"),
        (Hello(Role.DATA, TOKEN, version=2).encode(), Refusal.VERSION, "speaks protocol version 1, process"),
        (HELLO + b"more", Refusal.HELLO, "wrong length"),
        (HELLO[:-1], Refusal.HELLO, "wrong length"),
        (HELLO[:18] + b"\x03" + HELLO[19:], Refusal.HELLO, "come in pairs"),
        (Hello(Role.EVENTS, TOKEN).encode(), Refusal.HELLO, "come in pairs"),
    ],
)
def test_a_wrong_hello_is_refused_with_a_sentence(
    message: bytes, reason: Refusal, sentence: str, peer: Peer, pcscd: PrivatePcscd, card_works: Callable[[], None]
) -> None:
    sock = peer.connect()
    sock.send(message)
    told = refusal(Frame.parse(sock.recv(MAX_FRAME)))
    assert told[0] is reason
    assert sentence in told[1]
    assert ended(sock)
    assert told[1] in pcscd.log
    card_works()


def test_silent_connections_do_not_stop_a_card_process(peer: Peer, card_works: Callable[[], None]) -> None:
    silent = [peer.connect() for _ in range(12)]
    card_works()
    assert [refusal(Frame.parse(sock.recv(MAX_FRAME)))[0] for sock in silent] == [Refusal.HELLO] * 12


def test_half_a_pair_makes_room_for_the_next(peer: Peer, card_works: Callable[[], None]) -> None:
    data, _ = peer.hello(Role.DATA)
    assert refusal(peer.hello(Role.DATA, b"another1")[1])[0] is Refusal.BUSY
    assert ended(data)  # after two seconds
    card_works()


def test_the_first_pair_stays(peer: Peer, client: CClient) -> None:
    data = connected(peer, client)
    for role in Role:
        reason, sentence = refusal(peer.hello(role, b"another1")[1])
        assert reason is Refusal.BUSY
        assert f"process {os.getpid()} serves the reader" in sentence
        assert refusal(peer.hello(role)[1])[0] is Refusal.HELLO  # the same token, once more
    client.ask("transmit 00840000")
    request = Frame.parse(data.recv(MAX_FRAME))
    data.send(Frame(FrameType.TRANSMIT, request.sequence, b"\x90\x00").encode())
    assert client.hear() == ["00000000", "9000"]


@pytest.mark.parametrize(
    "messages",
    [
        [b"garbage"],
        [b"\x20" + bytes(MAX_FRAME)],
        [Frame(FrameType.REMOVED).encode()],
        [Frame(FrameType.INSERTED).encode()] * 2,
        [Frame(FrameType.INSERTED, 0, b"x").encode()],
        [Frame(FrameType.POWER_UP, 1, ATR).encode()],
    ],
    ids=["no frame", "too long", "removed first", "inserted twice", "payload", "answer"],
)
def test_garbage_on_the_event_connection_ends_the_link(
    messages: list[bytes], peer: Peer, pcscd: PrivatePcscd, card_works: Callable[[], None]
) -> None:
    data, events = peer.pair()
    for message in messages:
        try:
            events.send(message)
        except OSError:
            break
    assert ended(events)
    while not ended(data):  # a power-up may have been asked for
        pass
    assert "the reader is empty" in pcscd.log
    card_works()


def wrong_answers() -> list[tuple[str, Callable[[int], bytes]]]:
    def frame(kind: FrameType, payload: bytes = b"\x90\x00", plus: int = 0) -> Callable[[int], bytes]:
        return lambda sequence: Frame(kind, (sequence + plus) % 2**32, payload).encode()

    return [
        ("no frame", lambda _: b"x"),
        ("reserved byte", lambda n: b"\x05\x01\x00\x00" + n.to_bytes(4, "little") + b"\x90\x00"),
        ("too long", lambda n: Frame(FrameType.TRANSMIT, n).encode() + bytes(65549)),
        ("too short", frame(FrameType.TRANSMIT, b"\x90")),
        ("other type", frame(FrameType.POWER_UP)),
        ("event", frame(FrameType.INSERTED)),
        ("future answer", frame(FrameType.TRANSMIT, plus=1)),
        ("answer twice", frame(FrameType.TRANSMIT, plus=-1)),
        ("far away", frame(FrameType.TRANSMIT, plus=2**31)),
        ("future keep-alive", frame(FrameType.KEEP_ALIVE, b"", plus=1)),
        ("keep-alive with payload", frame(FrameType.KEEP_ALIVE)),
        ("fault without reason", frame(FrameType.FAULT, b"")),
        ("long fault", frame(FrameType.FAULT, bytes(65548))),
    ]


@pytest.mark.parametrize(("name", "answer"), wrong_answers(), ids=[name for name, _ in wrong_answers()])
def test_a_wrong_answer_ends_the_link(
    name: str, answer: Callable[[int], bytes], peer: Peer, client: CClient, card_works: Callable[[], None]
) -> None:
    data = connected(peer, client)
    client.ask("transmit 00840000")
    request = Frame.parse(data.recv(MAX_FRAME))
    data.send(answer(request.sequence))
    assert int(client.hear()[0], 16) in {c.NOT_TRANSACTED, c.REMOVED_CARD}
    client.wait_for(present=False)
    client.disconnect()
    card_works()


def test_a_late_answer_is_never_the_answer_to_a_later_command(peer: Peer, client: CClient) -> None:
    data = connected(peer, client)
    assert client.transmit(COMMAND) == (c.NOT_TRANSACTED, b"")
    first = Frame.parse(data.recv(MAX_FRAME))
    client.ask("transmit 00840000")
    second = Frame.parse(data.recv(MAX_FRAME))
    assert second.sequence == first.sequence + 1
    data.send(Frame(FrameType.TRANSMIT, first.sequence, b"\x61\x11").encode())
    data.send(Frame(FrameType.KEEP_ALIVE, first.sequence).encode())  # crossed its answer
    data.send(Frame(FrameType.TRANSMIT, second.sequence, b"\x90\x00").encode())
    assert client.hear() == ["00000000", "9000"]


@pytest.mark.parametrize("fault", Fault)
def test_faults_leave_the_handle_usable(fault: Fault, peer: Peer, client: CClient) -> None:
    data = connected(peer, client)
    client.ask("transmit 00840000")
    request = Frame.parse(data.recv(MAX_FRAME))
    data.send(Frame(FrameType.FAULT, request.sequence, bytes([fault])).encode())
    assert client.hear() == [f"{c.NOT_TRANSACTED:08X}", ""]
    client.ask("transmit 00840000")
    request = Frame.parse(data.recv(MAX_FRAME))
    data.send(Frame(FrameType.TRANSMIT, request.sequence, b"\x90\x00").encode())
    assert client.hear() == ["00000000", "9000"]


@pytest.mark.parametrize("atr", [b"", b"\x3b", bytes(34)], ids=["empty", "one byte", "34 bytes"])
def test_a_wrong_atr_ends_the_link(atr: bytes, peer: Peer, card_works: Callable[[], None]) -> None:
    data, events = peer.pair()
    events.send(Frame(FrameType.INSERTED).encode())
    request = Frame.parse(data.recv(MAX_FRAME))
    data.send(Frame(FrameType.POWER_UP, request.sequence, atr).encode())
    assert ended(data)
    card_works()


@pytest.mark.parametrize("seed", range(4))
def test_random_frames(seed: int, peer: Peer, client: CClient, card_works: Callable[[], None]) -> None:
    dice = random.Random(seed)

    def message() -> bytes:
        kind = dice.choice([*FrameType, dice.randrange(256)])
        sequence = dice.choice([0, 1, 2, dice.randrange(2**32)])
        size = dice.choice([0, 1, 2, 12, 20, 33, 34, 65548, 65549])
        start = dice.choice([b"", b"secmodIF\x01\x00\x01\x00", ATR])
        return bytes([kind, 0, 0, 0]) + sequence.to_bytes(4, "little") + (start + dice.randbytes(size))[:size]

    for _ in range(150):
        with ExitStack() as stack:
            one = Peer(peer._path, stack)
            try:
                sockets = list(dice.choice([one.pair, one.insert])()) if dice.random() < 0.7 else [one.connect()]
                for _ in range(dice.randrange(1, 6)):
                    sock = dice.choice(sockets)
                    sock.setblocking(False)
                    sock.send(message())
            except (OSError, AssertionError):
                pass  # refused, or dropped: its right
    assert client.readers() == [READER]
    card_works()


@pytest.mark.parametrize("kind", ["file", "foreign socket", "other service", "directory"])
def test_what_is_not_ours_is_not_removed(
    kind: str, tmp_path: Path, start_pcscd: Callable[..., PrivatePcscd], start_client: Callable[[PrivatePcscd], CClient]
) -> None:
    path = tmp_path / "reader0.sock"
    other = socket.socket(socket.AF_UNIX)
    if kind == "file":
        path.write_text("mine", encoding="ascii")
    elif kind == "directory":
        path.mkdir()
    else:
        other.bind(str(path))
        if kind == "foreign socket":
            if os.geteuid() != 0:
                pytest.skip("only root may give a file away")
            os.chown(path, 65534, 65534)
        else:
            other.listen()
    before = path.lstat()
    pcscd = start_pcscd(directory=tmp_path)
    assert start_client(pcscd).readers() == [READER]
    assert path.lstat().st_ino == before.st_ino
    assert str(path) in pcscd.log
    assert "set another DEVICENAME in reader.conf; the reader stays empty" in pcscd.log
    other.close()
    if kind == "directory":
        path.rmdir()
    else:
        path.unlink()
    with Server([Slot(ReaderTestCard(), path)]) as server:  # the driver tries again
        server.wait_connected(20)


def test_a_stale_socket_of_ours_is_replaced(tmp_path: Path, start_pcscd: Callable[..., PrivatePcscd]) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as stale:
        stale.bind(str(tmp_path / "reader0.sock"))
    start_pcscd(directory=tmp_path)
    with Server([Slot(ReaderTestCard(), tmp_path / "reader0.sock")]) as server:
        server.wait_connected(20)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_foreign_user_is_refused_by_the_file_and_by_the_driver(peer: Peer, pcscd: PrivatePcscd) -> None:
    arguments = [sys.executable, "-m", "tests.pcsc.stranger", str(pcscd.sockets[0])]
    assert subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True).stdout == "PermissionError\n"
    for path in (pcscd.directory, pcscd.sockets[0]):
        path.chmod(0o777)
    told = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert told.startswith("FOREIGN process ")
    assert "is neither the owner's nor in the group of" in told


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_a_member_of_the_group_is_welcome(stack: ExitStack, start_daemon: Callable[[str], PrivatePcscd]) -> None:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="secmod-test-")))
    directory.chmod(0o755)
    socket_path = directory / "reader0.sock"
    start_daemon(f"unix:{socket_path}:group=2")
    assert (socket_path.stat().st_gid, socket_path.stat().st_mode & 0o777) == (2, 0o660)
    arguments = [sys.executable, "-m", "tests.pcsc.stranger", str(socket_path)]
    assert subprocess.run([*arguments, "2"], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "WELCOME\n"
    assert subprocess.run([*arguments, "3"], cwd=ROOT, capture_output=True, text=True, check=True).stdout == "PermissionError\n"


@pytest.mark.parametrize(
    ("device", "sentence"),
    [
        ("unix:reader0.sock", "write unix:/PATH/OF/SOCKET"),
        ("tcp:localhost:1", "write unix:/PATH/OF/SOCKET"),
        ("unix:/tmp/x:deadline=0", "deadline=0 is no deadline"),
        ("unix:/tmp/x:deadline=soon", "deadline=soon is no deadline"),
        ("unix:/tmp/x:group=nosuchgroup", "there is no group nosuchgroup"),
        ("unix:/tmp/x:colour=red", "option colour=red is unknown"),
        ("unix:/" + "x" * 110, "longer than 107 bytes"),
        ("unix:/proc/no/such/reader0.sock", "can not listen on /proc/no/such/reader0.sock"),
    ],
)
def test_a_devicename_that_can_not_be_used_is_named(
    device: str, sentence: str, start_daemon: Callable[[str], PrivatePcscd], start_client: Callable[[PrivatePcscd], CClient]
) -> None:
    pcscd = start_daemon(device)
    assert start_client(pcscd).readers() == [READER]
    assert sentence in pcscd.log
    assert "the reader stays empty" in pcscd.log


def test_a_missing_directory_is_made(tmp_path: Path, start_daemon: Callable[[str], PrivatePcscd]) -> None:
    start_daemon(f"unix:{tmp_path}/secmod/reader0.sock")
    assert (tmp_path / "secmod" / "reader0.sock").is_socket()
    assert (tmp_path / "secmod").stat().st_mode & 0o022 == 0


@pytest.fixture
def start_daemon(
    tmp_path: Path, start_pcscd: Callable[..., PrivatePcscd], monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], PrivatePcscd]:
    """A daemon whose reader has this DEVICENAME, written as pcscd takes it without quotes."""

    def start(device: str) -> PrivatePcscd:
        text = ReaderConf.text
        monkeypatch.setattr(
            ReaderConf, "text", lambda conf, driver: re.sub("DEVICENAME .*", f"DEVICENAME {device}", text(conf, driver))
        )
        return start_pcscd(directory=tmp_path)

    return start
