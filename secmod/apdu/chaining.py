# SPDX-License-Identifier: Apache-2.0
"""Command chaining (ISO/IEC 7816-4 clause 5.3.3): data too long for one command travels in several.

All parts have equal CLA but for the chaining bit, equal INS, P1 and P2.  The data fields are joined; only the last part has Le.
"""

from __future__ import annotations

from collections.abc import Container

from secmod.apdu.cla import CHAINING
from secmod.apdu.command import MAX_NC, CommandApdu
from secmod.apdu.ins import ins_title
from secmod.apdu.status import SW
from secmod.errors import ApduError, CardError


class ChainBuffer:
    """The card's end of a chain: collects parts until the last one comes.

    `limit` is the largest joined data field in bytes; `instructions`, if given, are those that may be chained at all.
    """

    __slots__ = ("_data", "_instructions", "_key", "_limit")

    def __init__(self, limit: int = MAX_NC, instructions: Container[int] | None = None) -> None:
        self._limit = limit
        self._instructions = instructions
        self._data = bytearray()
        self._key: tuple[int, int, int, int] | None = None

    @property
    def is_open(self) -> bool:
        """Parts have come, the last one has not."""
        return self._key is not None

    def clear(self) -> None:
        """Forgets the parts: after a reset, and when the card answers a part with an error."""
        self._data.clear()
        self._key = None

    def push(self, command: CommandApdu) -> CommandApdu | None:
        """The command to execute now, or None if more parts must come first (to be answered 9000 without data).

        A last part gives the joined command, with the last part's CLA and Le.  A command that belongs to no open chain is given
        back as it is; it interrupts the chain that was open, whose data is forgotten.

        Raises `CardError` and forgets the chain: 6700 if the data outgrows the limit, 6884 if the instruction can not be chained.
        """
        more = command.cla & CHAINING
        if self._key is None and not more:
            return command
        key = (command.cla & ~CHAINING, command.ins, command.p1, command.p2)
        if key != self._key:
            self.clear()
            if not more:
                return command
            if self._instructions is not None and command.ins not in self._instructions:
                raise CardError(SW.CHAINING_NOT_SUPPORTED, f"{ins_title(command.ins)} can not be chained")
            self._key = key
        joined = len(self._data) + command.nc
        if joined > self._limit:
            self.clear()
            raise CardError(SW.WRONG_LENGTH, f"the chain has {joined} bytes, the card takes {self._limit}")
        self._data += command.data
        if more:
            return None
        data = bytes(self._data)
        self.clear()
        # `extended` stays the last part's: it tells how the Le was coded that this command now has.
        return command._replace(data=data)


def split(command: CommandApdu, max_nc: int = 255) -> list[CommandApdu]:
    """The host's end of a chain: commands with at most `max_nc` bytes of data each that together are `command`.

    Raises `ApduError` if `max_nc` is no length of a data field, or if the command is itself part of a chain.
    """
    if not 1 <= max_nc <= MAX_NC:
        raise ApduError(SW.WRONG_LENGTH, f"parts of a chain carry 1..{MAX_NC} bytes, not {max_nc}")
    if command.nc <= max_nc:
        return [command]
    if command.class_byte.reserved or command.chaining:
        raise ApduError(SW.CLA_NOT_SUPPORTED, f"a command of class {command.cla:02X} can not be chained")
    cla, ins, p1, p2, data, ne, _ = command
    last = (command.nc - 1) // max_nc * max_nc
    parts = [CommandApdu(cla | CHAINING, ins, p1, p2, data[start : start + max_nc]) for start in range(0, last, max_nc)]
    # Only as long a form as the part needs: a card that must be chained to may know no extended lengths.
    return [*parts, CommandApdu(cla, ins, p1, p2, data[last:], ne)]


__all__ = ["ChainBuffer", "split"]
