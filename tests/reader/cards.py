# SPDX-License-Identifier: Apache-2.0
"""A card for tests of readers: it echoes, computes long, answers much, or fails, as the instruction says."""

from __future__ import annotations

import threading

ATR = bytes.fromhex("3BDC18FF8091FE1FC38073C821136602040355000235")  # offers T=0 and T=1
ATR_T0 = bytes.fromhex("3B6500002063CB6800")

ECHO, ANSWER, WORK, FAIL, HISTORY = 0x10, 0x12, 0x14, 0x16, 0x18


class ReaderTestCard:
    """Does what the instruction says, all under class 80; anything else is answered 9000.

    10 echoes Lc and data; 12 answers P1-P2 bytes; 14 works until `finish` is set, at most P1 tenths of a second (0: a minute);
    16 raises; 18 tells what has happened to the card.
    """

    def __init__(self, atr: bytes = ATR, protocol: str = "T1") -> None:
        self.atr = atr
        self.protocol = protocol
        self.history: list[str] = []
        self.started = threading.Event()
        self.finish = threading.Event()

    def power_on(self) -> bytes:
        self.history.append("on")
        return self.atr

    def power_off(self) -> None:
        self.history.append("off")

    def reset(self) -> bytes:
        self.history.append("reset")
        return self.atr

    def transmit(self, command: bytes) -> bytes:
        _, ins, p1, p2 = command[:4]
        answers = {ECHO: self._echo, ANSWER: self._answer, WORK: self._work, FAIL: self._fail, HISTORY: self._history}
        return answers.get(ins, self._nothing)(command, p1, p2)

    def _nothing(self, command: bytes, p1: int, p2: int) -> bytes:
        return b"\x90\x00"

    def _echo(self, command: bytes, p1: int, p2: int) -> bytes:
        return command[4:] + b"\x90\x00"

    def _answer(self, command: bytes, p1: int, p2: int) -> bytes:
        return bytes(i % 251 for i in range(p1 << 8 | p2)) + b"\x90\x00"

    def _work(self, command: bytes, p1: int, p2: int) -> bytes:
        self.started.set()
        self.finish.wait(p1 / 10 if p1 else 60)
        return b"\x90\x00"

    def _fail(self, command: bytes, p1: int, p2: int) -> bytes:
        raise RuntimeError("told to fail")

    def _history(self, command: bytes, p1: int, p2: int) -> bytes:
        return " ".join(self.history).encode() + b"\x90\x00"
