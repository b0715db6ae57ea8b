# SPDX-License-Identifier: Apache-2.0
"""The plain Python twin of secure messaging, written from the tables of BSI TR-03110-3 F with other people's AES and CMAC.

A message is taken apart into all of its data objects first, and the list of their tags is compared with what is allowed; the core
walks through the bytes once.  Methods are small so that a test can replace one by a mistake.
"""

from __future__ import annotations

import re

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

from tests.reference import apdu

MISSING = 0x6987
WRONG = 0x6988


def pad(data: bytes) -> bytes:
    return data + b"\x80" + bytes(-(len(data) + 1) % 16)


def unpad(data: bytes) -> bytes | None:
    """What is before the padding; None if there is none in the last block."""
    match = re.fullmatch(rb"(.*)\x80(\x00*)", data, re.DOTALL)
    return match[1] if match and len(match[2]) < 16 else None


def cmac(key: bytes, data: bytes) -> bytes:
    computed = CMAC(AES(key))
    computed.update(data)
    return computed.finalize()


def tlv(tag: int, value: bytes) -> bytes:
    length = len(value)
    head = (
        bytes((length,))
        if length < 0x80
        else b"\x81" + bytes((length,))
        if length < 0x100
        else b"\x82" + length.to_bytes(2, "big")
    )
    return bytes((tag,)) + head + value


def objects(data: bytes) -> list[tuple[int, bytes]] | None:
    """Tags of one byte and values, None if the bytes are not made of such objects with minimal lengths."""
    found = []
    while data:
        match = re.match(rb"(?s)(.)(?:([\x00-\x7f])|\x81([\x80-\xff])|\x82([\x01-\xff].))", data)
        if match is None:
            return None
        length = int.from_bytes(match[2] or match[3] or match[4], "big")
        if len(data) < match.end() + length:
            return None
        found.append((data[0], data[match.end() : match.end() + length]))
        data = data[match.end() + length :]
    return found


def case(plain: bytes) -> apdu.Command:
    command = apdu.parse(plain)
    assert isinstance(command, apdu.Command), plain.hex()
    return command


class Twin:
    """One end of a session; the counter goes up with every message."""

    def __init__(self, enc: bytes, mac: bytes, ssc: int = 0) -> None:
        self.enc, self.mac, self.ssc = enc, mac, ssc

    # ---- parts that tests replace ------------------------------------------------------------------------------------------

    def count(self) -> None:
        self.ssc += 1

    def counter(self) -> bytes:
        return self.ssc.to_bytes(16, "big")

    def iv(self) -> bytes:
        encryptor = Cipher(AES(self.enc), ECB()).encryptor()  # noqa: S305  (one block, as the standard has it)
        return encryptor.update(self.counter())

    def command_mac_input(self, header: bytes, covered: bytes) -> bytes:
        return self.counter() + pad(header) + (pad(covered) if covered else b"")

    def response_mac_input(self, covered: bytes) -> bytes:
        return self.counter() + pad(covered)

    def shortened(self, mac: bytes) -> bytes:
        return mac[:8]

    def le_value(self, plain: bytes, command: apdu.Command) -> bytes:
        return b"" if not command.ne else plain[-2:] if command.extended else plain[-1:]

    def outer_le(self, extended: bool) -> bytes:
        return b"\x00\x00" if extended else b"\x00"

    # ---- protecting --------------------------------------------------------------------------------------------------------

    def encrypt(self, data: bytes) -> bytes:
        return Cipher(AES(self.enc), CBC(self.iv())).encryptor().update(pad(data))

    def data_object(self, data: bytes, odd: bool) -> bytes:
        if not data:
            return b""
        return tlv(0x85, self.encrypt(data)) if odd else tlv(0x87, b"\x01" + self.encrypt(data))

    def checksum(self, data: bytes) -> bytes:
        return tlv(0x8E, self.shortened(cmac(self.mac, data)))

    def command_of(self, header: bytes, covered: bytes, extended: bool) -> bytes:
        """The command with these data objects in front of its MAC; the counter has gone up already."""
        return self.framed(header, covered + self.checksum(self.command_mac_input(header, covered)), extended)

    def framed(self, header: bytes, body: bytes, extended: bool) -> bytes:
        long = extended or len(body) > 255
        lc = b"\x00" + len(body).to_bytes(2, "big") if long else bytes((len(body),))
        return header + lc + body + self.outer_le(long)

    def protect_command(self, plain: bytes) -> bytes:
        command = case(plain)
        header = bytes((plain[0] | 0x0C,)) + plain[1:4]
        le = self.le_value(plain, command)
        self.count()
        covered = self.data_object(command.data, odd=plain[1] % 2 == 1) + (tlv(0x97, le) if le else b"")
        return self.command_of(header, covered, command.extended or command.ne > 223)

    def protect_response(self, plain: bytes, odd: bool) -> bytes:
        data, sw = plain[:-2], plain[-2:]
        if sw[0] not in (0x61, 0x62, 0x63) and sw != b"\x90\x00":
            data = b""
        self.count()
        covered = self.data_object(data, odd) + tlv(0x99, sw)
        return covered + self.checksum(self.response_mac_input(covered)) + sw

    # ---- opening -----------------------------------------------------------------------------------------------------------

    def opened(self, tag: int, value: bytes) -> bytes | None:
        if tag == 0x81:
            return value
        cryptogram = value if tag == 0x85 else value[1:]
        return unpad(Cipher(AES(self.enc), CBC(self.iv())).decryptor().update(cryptogram)) or None

    def read(self, body: bytes, odd: bool, middle: int, allow_plain: bool) -> list[tuple[int, bytes]] | int:
        """The data objects, or what is wrong with them."""
        found = objects(body)
        if found is None:
            return WRONG
        data = "85" if odd else "87"
        allowed = rf"({data}{'|81' if allow_plain else ''})?({middle:02X})?(8E)?"
        if not re.fullmatch(allowed, "".join(f"{tag:02X}" for tag, _ in found)):
            return WRONG
        forms = {
            0x81: rb"(?s).+",
            0x85: rb"(?s)(.{16})+",
            0x87: rb"(?s)\x01(.{16})+",
            0x8E: rb"(?s).{8}",
            0x97: rb"(?s).{1,2}",
            0x99: rb"(?s).{2}",
        }
        if not all(re.fullmatch(forms[tag], value) for tag, value in found):
            return WRONG
        return found if found and found[-1][0] == 0x8E else MISSING

    def unprotect_command(self, raw: bytes, *, allow_plain: bool = False) -> bytes | int:
        """The plain command, or the status word that a card answers."""
        outer = apdu.parse(raw)
        if isinstance(outer, int):
            return outer
        if outer.ne < 14:
            return 0x6700
        fields = apdu.class_fields(outer.cla)
        if fields["s"] != 3:
            return WRONG
        found = self.read(outer.data, outer.ins % 2 == 1, 0x97, allow_plain)
        if isinstance(found, int):
            return found
        self.count()
        covered = b"".join(tlv(tag, value) for tag, value in found[:-1])
        if self.shortened(cmac(self.mac, self.command_mac_input(raw[:4], covered))) != found[-1][1]:
            return WRONG
        data, le = b"", b""
        for tag, value in found[:-1]:
            if tag == 0x97:
                le = value
            else:
                plain = self.opened(tag, value)
                if plain is None:
                    return WRONG
                data = plain
        return bytes((raw[0] & 0xF3,)) + raw[1:4] + body_of(data, le)

    def unprotect_response(self, raw: bytes, odd: bool, *, allow_plain: bool = False) -> bytes | None:
        """The plain response, or None if the session is over."""
        if len(raw) < 2:
            return None
        found = self.read(raw[:-2], odd, 0x99, allow_plain)
        if isinstance(found, int) or dict(found).get(0x99) != raw[-2:]:
            return None
        self.count()
        covered = b"".join(tlv(tag, value) for tag, value in found[:-1])
        if self.shortened(cmac(self.mac, self.response_mac_input(covered))) != found[-1][1]:
            return None
        plain: bytes | None = b""
        if found[0][0] != 0x99:
            plain = self.opened(*found[0])
        return None if plain is None else plain + raw[-2:]


def body_of(data: bytes, le: bytes) -> bytes:
    """Lc, data, Le of the plain command: extended if Le says so or the data asks for it."""
    if len(le) < 2 and len(data) <= 255:
        return (bytes((len(data),)) + data if data else b"") + le
    if len(le) == 1:
        le = (le[0] or 256).to_bytes(2, "big")
    return b"\x00" + (len(data).to_bytes(2, "big") + data if data else b"") + le
