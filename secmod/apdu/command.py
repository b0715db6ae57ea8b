# SPDX-License-Identifier: Apache-2.0
"""Command APDUs (ISO/IEC 7816-4 clause 5.1): cases 1 to 4 in short and extended form."""

from __future__ import annotations

import threading
from typing import NamedTuple, NoReturn, Self

from secmod._native import ffi, lib
from secmod.apdu.cla import CLASS_BYTES, ClassByte, SecureMessaging
from secmod.apdu.ins import ins_title
from secmod.apdu.status import SW
from secmod.errors import ApduError, CardError

MAX_NC = 65535
MAX_NE = 65536
MAX_SHORT_NC = 255
MAX_SHORT_NE = 256


class _Fields(NamedTuple):
    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes
    ne: int
    extended: bool


class CommandApdu(_Fields):
    """A command: header, data field and how many bytes are expected back (`ne`, 0..65536; 0 = no Le field).

    `extended` says that Lc and Le are coded in extended form; it follows from the lengths where they leave no choice.  Equal
    commands have equal codings and the other way round.  `repr` does not show the data: it may be a PIN.
    """

    # Built once per APDU: a tuple takes 115 ns, a frozen dataclass with slots 600 ns, or 350 ns with its guard side-stepped.
    __slots__ = ()

    def __new__(  # noqa: PLR0913, PLR0917  (a command APDU has these fields, in this order)
        cls,
        cla: int,
        ins: int,
        p1: int,
        p2: int,
        data: bytes = b"",
        ne: int = 0,
        extended: bool = False,  # noqa: FBT001, FBT002  (a field among fields)
    ) -> Self:
        """A command of the host's making.  Raises `ApduError` for a header byte or a length that no coding has."""
        for value, name, sw in (
            (cla, "CLA", SW.CLA_NOT_SUPPORTED),
            (ins, "INS", SW.INS_NOT_SUPPORTED),
            (p1, "P1", SW.WRONG_P1P2),
            (p2, "P2", SW.WRONG_P1P2),
        ):
            if not 0 <= value <= 0xFF:
                raise ApduError(sw, f"{name} is one byte, 0..255, not {value}")
        nc = len(data)
        if nc > MAX_NC:
            raise ApduError(SW.WRONG_LENGTH, f"a command carries at most {MAX_NC} bytes of data, not {nc}; chain it")
        if not 0 <= ne <= MAX_NE:
            raise ApduError(SW.WRONG_LENGTH, f"Ne is 0..{MAX_NE}, not {ne}")
        long = nc > MAX_SHORT_NC or ne > MAX_SHORT_NE
        has_lengths = nc > 0 or ne > 0
        return tuple.__new__(cls, (int(cla), int(ins), int(p1), int(p2), bytes(data), ne, long or (extended and has_lengths)))

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """The command that these bytes are.

        Raises `ApduError`: 6700 for every malformed length, 6E00 for a reserved class byte.
        """
        # One crossing into the core and one read of its answer, 0.55 us in all.  A new structure and its fields one by one
        # take half as long again (110 ns and 35 ns each).
        structure, read = _kept.parsed
        if _parse(raw, len(raw), structure) != 0x9000:
            _refuse(raw, structure.status)
        _, cla, ins, p1, p2, _, _, _, _, extended, start, nc, ne = read()
        return _new(cls, (cla, ins, p1, p2, raw[start : start + nc], ne, extended == 1))

    def encode(self) -> bytes:
        """The bytes of the command: the short form where it is possible and `extended` does not ask for the other."""
        cla, ins, p1, p2, data, ne, extended = self
        header = bytes((cla, ins, p1, p2))
        nc = len(data)
        if not (extended or nc > MAX_SHORT_NC or ne > MAX_SHORT_NE):
            body = bytes((nc,)) + data if nc else b""
            return header + body + bytes((ne & 0xFF,)) if ne else header + body
        body = b"\x00" + nc.to_bytes(2, "big") + data if nc else b""
        le = (ne & 0xFFFF).to_bytes(2, "big") if ne else b""
        # Without Lc the leading 00 that announces the extended form stands before Le.
        return header + body + (le if nc or not ne else b"\x00" + le)

    @property
    def nc(self) -> int:
        """Bytes of command data."""
        return len(self.data)

    @property
    def case(self) -> str:
        """The case of ISO/IEC 7816-3 clause 12.1: "1", "2S", "2E", "3S", "3E", "4S" or "4E"."""
        number = 1 + (self.ne > 0) + 2 * (len(self.data) > 0)
        return "1" if number == 1 else f"{number}{'E' if self.extended else 'S'}"

    @property
    def wildcard(self) -> bool:
        """Le is coded as zeros: as much as there is, up to what the form allows."""
        return self.ne == (MAX_NE if self.extended else MAX_SHORT_NE)

    @property
    def class_byte(self) -> ClassByte:
        """All fields of CLA."""
        return CLASS_BYTES[self.cla]

    @property
    def channel(self) -> int:
        """Logical channel, 0..19."""
        return CLASS_BYTES[self.cla].channel

    @property
    def chaining(self) -> bool:
        """Not the last command of a chain."""
        return CLASS_BYTES[self.cla].chaining

    @property
    def proprietary(self) -> bool:
        """The class is the card's own."""
        return CLASS_BYTES[self.cla].proprietary

    @property
    def secure(self) -> SecureMessaging:
        """The form of secure messaging; false if there is none."""
        return CLASS_BYTES[self.cla].secure

    def check_ne(self, length: int) -> None:
        """Returns if a result of `length` bytes that must not be cut may be given; asked before the operation is carried out.

        Without Le the result is simply not shown.  Raises `CardError`: 6Cxx if it has up to 256 bytes, 6700 if it has more.
        """
        if self.ne and length > self.ne:
            raise CardError(
                SW.correct_le(length) if length <= MAX_SHORT_NE else SW.WRONG_LENGTH,
                f"the result has {length} bytes, the command allows {self.ne}",
            )

    def __repr__(self) -> str:
        form = "extended" if self.extended else "short"
        header = f"{self.cla:02X} {self.ins:02X} {self.p1:02X} {self.p2:02X}"
        return f"<CommandApdu {header} ({ins_title(self.ins)}) Nc={self.nc} Ne={self.ne} {form}>"


class _Kept(threading.local):
    """Room for the core's answer, one per thread and kept: calls into the core let other threads run."""

    def __init__(self) -> None:
        structure = ffi.new("struct secmod_command *")
        # struct secmod_command holds nothing but ints: `read` gives all of them at once, in the order of the header.
        self.parsed = structure, memoryview(ffi.buffer(structure)).cast("i").tolist


_kept = _Kept()
_parse = lib.secmod_command_parse
_new = tuple.__new__


def _refuse(raw: bytes, status: int) -> NoReturn:
    if status == SW.CLA_NOT_SUPPORTED:
        raise ApduError(status, f"class byte {raw[0]:02X} is reserved (ISO/IEC 7816-4 5.4.1)")
    if len(raw) < 4:
        raise ApduError(status, f"{len(raw)} bytes are no command: the header alone has 4")
    raise ApduError(status, f"Lc and Le do not agree with the {len(raw)} bytes of the command (ISO/IEC 7816-4 5.1)")


__all__ = ["MAX_NC", "MAX_NE", "MAX_SHORT_NC", "MAX_SHORT_NE", "CommandApdu"]
