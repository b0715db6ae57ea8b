# SPDX-License-Identifier: Apache-2.0
"""`secmod demo`: a plain PC/SC program has a file signed by the module, and OpenSSL verifies the signature.

Nothing on the way is shortened: the emulator runs as a process of its own (`secmod serve`), a private pcscd loads our reader
driver, and the commands go through pyscard's `SCardTransmit`, as from any other program. Where there is no pcscd the emulator
speaks its protocol itself (`secmod serve --direct`), and the result says so. Nothing is left running, even if this process is
killed: pcscd dies with its parent, and the emulator stops when its standard input ends.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from secmod.cli.report import console, json_option, print_json, shortened, table
from secmod.errors import DriverError, NoCardError, NoReaderError, SecmodError, StatusError, TransportError

PROFILE = "open"
AID = bytes.fromhex("F05452303331303932")
KEY = 0x81
CARD_WITHIN = 10  # s from the start of pcscd to the card seen
LOOK_EVERY = 200  # ms between looks whether the emulator still lives; the card itself is seen at once

SAMPLE = "Meter 1EMH0012345678: 1-0:1.8.0*255 = 004711.0815 kWh\n"


@dataclass
class Dialogue:
    """The steps so far, as they are printed."""

    steps: list[dict[str, Any]] = field(default_factory=list)

    def add(self, name: str, microseconds: float, **details: str) -> None:
        """Notes a step."""
        self.steps.append({"step": name, **details, "microseconds": round(microseconds)})


class Client:
    """A plain PC/SC client: nothing of secmod's host library, only pyscard's raw functions."""

    def __init__(self, dialogue: Dialogue) -> None:
        from smartcard import scard

        self.scard = scard
        self.dialogue = dialogue
        self.handle = 0
        self.protocol = 0
        result, self.context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
        self.check(result, "SCardEstablishContext")

    def check(self, result: int, function: str) -> None:
        """Raises for every PC/SC result but success."""
        if result == self.scard.SCARD_S_SUCCESS:
            return
        reason = f"{function}: {self.scard.SCardGetErrorMessage(result)}"
        if result in (self.scard.SCARD_E_NO_READERS_AVAILABLE, self.scard.SCARD_E_NO_SERVICE):
            raise NoReaderError(reason)
        raise TransportError(reason)

    def reader_with_card(self, emulator: subprocess.Popen[bytes]) -> str:
        """The name of the first reader, once a card is seen in it; NoCardError if that takes too long, or the emulator ends."""
        result, readers = self.scard.SCardListReaders(self.context, [])
        self.check(result, "SCardListReaders")
        reader: str = readers[0]
        state = self.scard.SCARD_STATE_UNAWARE
        until = time.monotonic() + CARD_WITHIN
        while time.monotonic() < until and emulator.poll() is None:
            result, states = self.scard.SCardGetStatusChange(self.context, LOOK_EVERY, [(reader, state)])
            if result == self.scard.SCARD_E_TIMEOUT:
                continue
            self.check(result, "SCardGetStatusChange")
            _, state, _ = states[0]
            if state & self.scard.SCARD_STATE_PRESENT and not state & self.scard.SCARD_STATE_MUTE:
                return reader
        raise NoCardError(f"no card came into reader {reader!r}")

    def connect(self, reader: str) -> bytes:
        """Connects to the card and returns its ATR."""
        started = time.perf_counter()
        wanted = self.scard.SCARD_PROTOCOL_T0 | self.scard.SCARD_PROTOCOL_T1
        result, self.handle, self.protocol = self.scard.SCardConnect(self.context, reader, self.scard.SCARD_SHARE_SHARED, wanted)
        self.check(result, "SCardConnect")
        took = time.perf_counter() - started
        result, _, _, _, atr = self.scard.SCardStatus(self.handle)
        self.check(result, "SCardStatus")
        name = "T=0" if self.protocol == self.scard.SCARD_PROTOCOL_T0 else "T=1"
        self.dialogue.add("connect", took * 1e6, meaning=f"ATR {bytes(atr).hex().upper()}, {name}")
        return bytes(atr)

    def transmit(self, name: str, command: bytes) -> bytes:
        """Sends one command; returns the response data, raises StatusError unless the status word is 9000."""
        from secmod.apdu import SW

        pci = self.scard.SCARD_PCI_T0 if self.protocol == self.scard.SCARD_PROTOCOL_T0 else self.scard.SCARD_PCI_T1
        request = list(command)
        started = time.perf_counter()
        result, response = self.scard.SCardTransmit(self.handle, pci, request)
        took = time.perf_counter() - started
        self.check(result, "SCardTransmit")
        data, sw = bytes(response[:-2]), SW(response[-2] << 8 | response[-1])
        self.dialogue.add(
            name, took * 1e6, command=command.hex().upper(), response=data.hex().upper(), sw=str(sw), meaning=sw.meaning
        )
        if sw != SW.OK:
            raise StatusError(sw, sw.meaning, name)
        return data

    def close(self) -> None:
        """Leaves card and service."""
        if self.handle:
            self.scard.SCardDisconnect(self.handle, self.scard.SCARD_LEAVE_CARD)
        self.scard.SCardReleaseContext(self.context)


@contextmanager
def _emulator(socket_dir: Path, log: Path, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """`secmod serve` as a process of its own, serving when this begins and stopped at the end."""
    words = [
        sys.executable,
        "-m",
        "secmod",
        "serve",
        "--profile",
        PROFILE,
        "--socket-dir",
        str(socket_dir),
        "--until-eof",
        "--json",
    ]
    # A session of its own: Ctrl-C reaches this process alone, which then stops the others in order.
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [*words, *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        ) as process,
    ):
        try:
            if process.stdout is not None:
                process.stdout.readline()  # its first word, or its end
            yield process
        finally:
            process.terminate()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()


def _verify_with_openssl(directory: Path, file: Path, point: bytes, signature: bytes, dialogue: Dialogue) -> None:
    """Has the `openssl` program verify; raises SecmodError if it does not agree."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise SecmodError("the openssl program is missing, which verifies the signature: sudo apt-get install openssl")
    key, der = directory / "key.pem", directory / "signature.der"
    key.write_text(_public_key_pem(point), encoding="ascii")
    der.write_bytes(_signature_der(signature))
    started = time.perf_counter()
    done = subprocess.run(
        [openssl, "dgst", "-sha256", "-verify", key, "-signature", der, file], capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - started
    said = " ".join((done.stdout + done.stderr).split())
    dialogue.add("openssl dgst -sha256 -verify", took * 1e6, meaning=said)
    if done.returncode:
        raise SecmodError(f"openssl does not accept the signature: {said}")


def _der(tag: int, value: bytes) -> bytes:
    """One DER object; the lengths here stay below 128."""
    return bytes([tag, len(value)]) + value


def _public_key_pem(point: bytes) -> str:
    """SubjectPublicKeyInfo (RFC 5480) of a point on brainpoolP256r1."""
    import base64

    from secmod.crypto import by_name

    ec_public_key = bytes.fromhex("2A8648CE3D0201")
    algorithm = _der(0x30, _der(0x06, ec_public_key) + _der(0x06, by_name("brainpoolP256r1").oid))
    text = base64.b64encode(_der(0x30, algorithm + _der(0x03, b"\0" + point))).decode()
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join(["-----BEGIN PUBLIC KEY-----", *lines, "-----END PUBLIC KEY-----", ""])


def _signature_der(signature: bytes) -> bytes:
    """r || s as the SEQUENCE of two INTEGERs that X.509 wants (TR-03111 clause 5.2.2)."""
    half = len(signature) // 2
    numbers = (int.from_bytes(part) for part in (signature[:half], signature[half:]))
    return _der(0x30, b"".join(_der(0x02, number.to_bytes(number.bit_length() // 8 + 1)) for number in numbers))


def _dialogue(client: Client, emulator: subprocess.Popen[bytes], digest: bytes) -> tuple[str, bytes, bytes]:
    """The main job: reader, application, key pair, signature. Returns reader, public point and r || s."""
    from secmod.apdu import KeyTag, Tlv

    reader = client.reader_with_card(emulator)
    client.connect(reader)
    client.transmit("SELECT application", bytes([0x00, 0xA4, 0x04, 0x0C, len(AID)]) + AID)
    answer = client.transmit("GENERATE ASYMMETRIC KEY PAIR", bytes([0x00, 0x46, 0xC0, KEY, 0x00]))
    public = Tlv.parse(answer).find(KeyTag.PUBLIC_POINT)
    if public is None:
        raise SecmodError(f"the module's answer holds no public key: {answer.hex().upper()}")
    client.transmit("MSE SET (signature key)", bytes([0x00, 0x22, 0x41, 0xB6, 0x06, 0x84, 0x01, KEY, 0x80, 0x01, 0x00]))
    signature = client.transmit("PSO COMPUTE DIGITAL SIGNATURE", bytes([0x00, 0x2A, 0x9E, 0x9A, len(digest)]) + digest + b"\0")
    return reader, public.value, signature


def _stop_on_sigterm(_number: int, _frame: object) -> None:
    """SIGTERM ends the demo as Ctrl-C does: in order."""
    raise KeyboardInterrupt


@contextmanager
def _service(directory: Path, log: Path, *, direct: bool) -> Iterator[subprocess.Popen[bytes]]:
    """Emulator and PC/SC service are there, and this process uses them."""
    from secmod.reader.direct import SOCKET_NAME, VARIABLE
    from secmod.reader.pcscd import PrivatePcscd

    if direct:
        with _emulator(directory, log, "--direct") as emulator:
            os.environ[VARIABLE] = str(directory / SOCKET_NAME)
            yield emulator
        return
    with PrivatePcscd(directory) as pcscd, _emulator(pcscd.directory, log) as emulator:
        os.environ.update(pcscd.env)
        yield emulator


def _has_pcscd() -> bool:
    from secmod.reader.pcscd import pcscd_program

    try:
        pcscd_program()
    except DriverError:
        return False
    return True


@click.command(name="demo")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False)
@click.option("--direct", is_flag=True, help="Without pcscd, even if there is one.")
@json_option
def command(file: Path | None, direct: bool, as_json: bool) -> None:
    """Have FILE signed by the module through a real pcscd, and verified by OpenSSL.

    Without FILE a meter reading is signed. Starts and stops its own emulator and its own pcscd, and touches no
    other pcscd and no configuration. Where pcscd is not installed the emulator speaks its protocol itself.
    """
    signal.signal(signal.SIGTERM, _stop_on_sigterm)
    dialogue = Dialogue()
    service = "pcscd"
    if direct:
        service = "secmod serve --direct"
    elif not _has_pcscd():
        service = "secmod serve --direct, for pcscd is not installed"
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="secmod-demo-")))
        if file is None:
            file = directory / "reading.txt"
            file.write_text(SAMPLE, encoding="utf-8")
        emulator_log = directory / "emulator.log"
        emulator = stack.enter_context(_service(directory, emulator_log, direct=service != "pcscd"))
        try:
            client = Client(dialogue)
            stack.callback(client.close)
            content = file.read_bytes()
            reader, point, signature = _dialogue(client, emulator, hashlib.sha256(content).digest())
        except (NoCardError, NoReaderError) as error:
            last_words = emulator_log.read_text(encoding="utf-8").strip().splitlines()[-1:]
            raise DriverError(f"{error}; the emulator's last words: {''.join(last_words) or 'none'}") from error
        _verify_with_openssl(directory, file, point, signature, dialogue)
        _print(file, reader, service, dialogue, signature, as_json=as_json)


def _print(file: Path, reader: str, service: str, dialogue: Dialogue, signature: bytes, *, as_json: bool) -> None:
    if as_json:
        result = {"file": str(file), "reader": reader, "service": service, "verified": True, "signature": signature.hex().upper()}
        print_json({**result, "steps": dialogue.steps})
        return
    out = console()
    out.print(f"service    {service}")
    out.print(f"reader     {reader}")
    out.print(f"ATR        {dialogue.steps[0]['meaning'].removeprefix('ATR ')}")
    rows = (
        (
            step["step"],
            shortened(bytes.fromhex(step.get("command", ""))),
            shortened(bytes.fromhex(step.get("response", ""))),
            step.get("sw", ""),
            step["meaning"],
            f"{step['microseconds']:,}",
        )
        for step in dialogue.steps[1:]
    )
    out.print(table("step", "command", "response", "SW", "meaning", "µs", rows=rows, right=("µs",)))
    out.print(f"signed     {file.name}: its SHA-256, by key {KEY:02X} in the module (brainpoolP256r1)")
    out.print("verified   by openssl")


__all__ = ["Client", "Dialogue", "command"]
