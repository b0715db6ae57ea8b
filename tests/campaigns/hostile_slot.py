# SPDX-License-Identifier: Apache-2.0
"""The emulator's end of the link without sockets: `python -m tests.campaigns.hostile_slot COUNT SEED`, run under sanitizers.

Prints a line every thousand frames, and at the end how many were answered and how many were no frames.
"""

from __future__ import annotations

import logging
import sys

from secmod.emulator import build_card
from secmod.errors import LinkError
from secmod.reader.frame import HEADER, MAX_FRAME, Frame, FrameType
from secmod.reader.slot import Slot
from tests.campaigns.ravings import Ravings

_LIFE = 5000  # frames; then comes another card, for what they have spoilt


def main(count: int, seed: int) -> tuple[int, int]:
    """So many frames, and what became of them; any exception but LinkError is a finding, and so is an answer that is no frame."""
    logging.disable(logging.CRITICAL)
    ravings = Ravings(seed)
    answered = refused = 0
    for number in range(count):
        if number % _LIFE == 0:
            slot = Slot(build_card("open" if number // _LIFE % 2 else "tr03109_2"), "reader0")
            slot.answer(Frame(FrameType.POWER_UP).encode())
        frame = ravings.request(number)
        try:
            answer = slot.answer(frame)
        except LinkError:
            refused += 1
            continue
        answered += 1
        assert HEADER <= len(answer) <= MAX_FRAME
        assert answer[0] == FrameType.FAULT or answer[:HEADER] == frame[:HEADER]
        assert answer[0] != FrameType.FAULT or frame[0] != FrameType.TRANSMIT or not slot.powered, frame.hex()
        if answer[0] == FrameType.FAULT and not slot.powered:
            slot.answer(Frame(FrameType.POWER_UP).encode())
        if number % 1000 == 0:
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()
    return answered, refused


if __name__ == "__main__":
    sys.stdout.write("{} {}\n".format(*main(int(sys.argv[1]), int(sys.argv[2]))))
