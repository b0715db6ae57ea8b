# SPDX-License-Identifier: Apache-2.0
"""Sessions with a card in this process: PACE and secure messaging by the host's end of the same package."""

from __future__ import annotations

from pathlib import Path

from secmod.apdu import CommandApdu, Tlv, split
from secmod.card import Card
from secmod.crypto import Vault
from secmod.pace import SUITES, HostEnd
from secmod.securemessaging import Session
from secmod.testing import PASSWORDS, new_card

_REFERENCES = {"PIN.GW": 0x03, "PUK.GW": 0x04}
_VAULT = Vault()


class Module:
    """A card in a phase; `say` sends commands under secure messaging while a session is open, `plain` always in plain."""

    def __init__(
        self, phase: str = "V", *, session: bool = True, profile: str | Path = "tr03109_2", card: Card | None = None
    ) -> None:
        self.card: Card = card or new_card(profile, phase)
        self.session: Session | None = None
        if session:
            self.pace()

    def plain(self, command: str) -> str:
        return self.card.transmit(bytes.fromhex(command)).hex().upper()

    def pace(self, name: str = "PIN.GW", value: str | None = None) -> None:
        """A session opened with the password's value, or with the one that `new_card` has set."""
        suite = next(iter(SUITES.values()))
        host = HostEnd(_VAULT, suite, _VAULT.password((value or PASSWORDS[name]).encode()))
        data = Tlv(0x80, suite.oid).encode() + Tlv(0x83, bytes([_REFERENCES[name]])).encode()
        selected = self.plain(CommandApdu(0x00, 0x22, 0xC1, 0xA4, data).encode().hex())
        assert selected == "9000" or selected.startswith("63C"), selected  # fewer tries than at first
        point = host.nonce(self._step(0x10, b""))
        point = host.map(self._step(0x10, Tlv(0x81, point).encode()))
        token = host.agree(self._step(0x10, Tlv(0x83, point).encode()))
        self.session = host.finish(self._step(0x00, Tlv(0x85, token).encode()))

    def _step(self, cla: int, content: bytes) -> bytes:
        answer = self.card.transmit(CommandApdu(cla, 0x86, 0, 0, Tlv(0x7C, content).encode(), 256).encode())
        assert answer[-2:] == b"\x90\x00"
        return Tlv.parse(answer[:-2]).children[0].value

    def send(self, command: CommandApdu) -> bytes:
        """Data and status word; protected if a session is open, which ends with an answer in plain."""
        if self.session is None:
            return self.card.transmit(command.encode())
        raw = self.card.transmit(self.session.protect_command(command))
        if len(raw) == 2:
            self.session = None
            return raw
        answer = self.session.unprotect_response(raw, odd=bool(command.ins & 1))
        return answer.data + int(answer.sw).to_bytes(2)

    def say(self, command: str) -> str:
        return self.send(CommandApdu.parse(bytes.fromhex(command))).hex().upper()

    def chain(self, command: CommandApdu, size: int = 200) -> str:
        """The command in parts of `size` bytes; the answer to the last, or to the first that is refused."""
        answer = b""
        for part in split(command, size):
            answer = self.send(part)
            if answer != b"\x90\x00":
                break
        return answer.hex().upper()

    @property
    def alive(self) -> bool:
        """The session answers, protected."""
        return self.session is not None and self.say("00CADF2100").endswith("9000") and self.session is not None

    def enter(self, phase: str) -> None:
        """The module is in the phase, by whatever way; the session goes on."""
        self.card._state.lifecycle.enter(phase)

    @property
    def proofs(self) -> set[str]:
        return self.card._state.security_status.proofs
