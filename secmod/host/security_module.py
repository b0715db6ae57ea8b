# SPDX-License-Identifier: Apache-2.0
"""One method for each task that a gateway gives its security module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from secmod.apdu import INS, SW, CommandApdu, KeyTag, ReferenceTag, Tag, Tlv
from secmod.crypto import CURVES, Curve, check_point
from secmod.errors import PointError, TlvError, TransportError, UnknownNameError
from secmod.host.channel import Channel
from secmod.profile import Profile, load_profile
from secmod.transport import open_transport

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from secmod.transport.base import Transport

_SHORT_ANSWER = 256
_WHOLE_FILE = 65536
_RANDOM_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key: `point` is uncompressed, 1 + 2L bytes (TR-03111 clause 3.2)."""

    curve: Curve
    point: bytes

    def der(self) -> bytes:
        """As SubjectPublicKeyInfo (RFC 5480), for openssl and others."""
        algorithm = Tlv(0x30, Tlv(0x06, bytes.fromhex("2A8648CE3D0201")).encode() + Tlv(0x06, self.curve.oid).encode())
        return Tlv(0x30, algorithm.encode() + Tlv(0x03, b"\x00" + self.point).encode()).encode()


class SecurityModule:
    """A security module behind a transport: the emulator or a chip.

    Keys and files are named as in the card profile ("PrK.WAN.SIG.A", "EF.GW.ID") or by number.  Methods raise the children of
    StatusError for what the module refuses, TransportError for what does not reach it.
    """

    def __init__(self, transport: Transport, profile: Profile) -> None:
        self._transport = transport
        self._channel = Channel(transport)
        self._profile = profile

    @classmethod
    def open(cls, address: str, profile: str | Path = "tr03109_2") -> Self:
        """The module at an address: "local:PROFILE" for a card in this process, "pcsc:READER NAME" for one in a reader.

        `profile` says by which names and numbers the host knows keys and files.  Raises NoReaderError, NoCardError, ProfileError.
        """
        names = load_profile(profile)
        return cls(open_transport(address), names)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """The link is closed."""
        self._transport.close()

    @property
    def atr(self) -> bytes:
        """The answer to reset, 2 to 33 bytes."""
        return self._transport.atr

    @property
    def name(self) -> str:
        """What the other end is called: the reader's name, or local:PROFILE."""
        return self._transport.name

    def reset(self) -> None:
        """The module is as after power-on: nothing selected, nothing proven."""
        self._transport.reset()

    def select(self) -> None:
        """The module's application is selected (SELECT by DF name)."""
        aid = self._profile.application()
        if aid is None:
            raise TransportError(f"profile {self._profile.name} names no application to select")
        self._channel.send(CommandApdu(0x00, INS.SELECT, 0x04, 0x0C, aid), "SELECT the application")

    def generate_key(self, key: str | int, curve: str | None = None, *, overwrite: bool = False) -> PublicKey:
        """A fresh key pair is in the key's place; returns the public key.

        `curve` for places that leave it open.  ConditionsError if a pair is there and `overwrite` is not set, or it is active.
        """
        reference, default = self._key(key)
        data = b""
        if curve is not None:
            data = Tlv(Tag.PUBLIC_KEY, Tlv(Tag.OBJECT_IDENTIFIER, self._curve(curve).oid).encode()).encode()
        apdu = CommandApdu(0x00, INS.GENERATE_ASYMMETRIC_KEY_PAIR, 0xC0 if overwrite else 0x80, reference, data, _SHORT_ANSWER)
        return _public_key(self._channel.send(apdu, f"GENERATE ASYMMETRIC KEY PAIR {reference:02X}"), curve or default)

    def public_key(self, key: str | int) -> PublicKey:
        """The public key of the pair in the key's place; CardFaultError (6400) if it is empty."""
        reference, default = self._key(key)
        apdu = CommandApdu(0x00, INS.GENERATE_ASYMMETRIC_KEY_PAIR, 0x81, reference, b"", _SHORT_ANSWER)
        return _public_key(self._channel.send(apdu, f"read the public key of {reference:02X}"), default)

    def sign(self, key: str | int, digest: bytes) -> bytes:
        """ECDSA signature over a hash of 32, 48 or 64 bytes: r || s, 2L bytes (TR-03111 clause 5.2.1)."""
        reference, _ = self._key(key)
        algorithm = next(entry for entry in self._profile.algorithms.values() if entry.use == "sign")
        template = Tlv(ReferenceTag.PRIVATE_KEY, bytes([reference])).encode()
        template += Tlv(ReferenceTag.MECHANISM, bytes([algorithm.reference])).encode()
        self._channel.send(
            CommandApdu(0x00, INS.MANAGE_SECURITY_ENVIRONMENT, 0x41, 0xB6, template), f"select key {reference:02X} for signing"
        )
        apdu = CommandApdu(0x00, INS.PERFORM_SECURITY_OPERATION, 0x9E, 0x9A, digest, _SHORT_ANSWER)
        return self._channel.send(apdu, "COMPUTE DIGITAL SIGNATURE")

    def verify(self, key: PublicKey, digest: bytes, signature: bytes) -> None:
        """Returns if the module finds the signature (r || s) good; raises WrongDataError for a bad signature or key."""
        point = Tlv(Tag.PUBLIC_KEY, Tlv(KeyTag.PUBLIC_POINT, key.point).encode())
        data = b"".join(
            part.encode()
            for part in (
                Tlv(Tag.OBJECT_IDENTIFIER, key.curve.oid),
                Tlv(Tag.INPUT_HASH, digest),
                Tlv(Tag.PUBLIC_KEY_INPUT, point.encode()),
                Tlv(Tag.DIGITAL_SIGNATURE, signature),
            )
        )
        self._channel.send(CommandApdu(0x00, INS.PERFORM_SECURITY_OPERATION, 0x00, 0xA8, data), "VERIFY DIGITAL SIGNATURE")

    def random(self, length: int) -> bytes:
        """Random bytes from the module's generator, any number of them."""
        parts = []
        for start in range(0, length, _RANDOM_AT_ONCE):
            apdu = CommandApdu(0x80, INS.GET_CHALLENGE, 0x00, 0x00, b"", min(_RANDOM_AT_ONCE, length - start))
            parts.append(self._channel.send(apdu, "GET RANDOM"))
        return b"".join(parts)

    def challenge(self, length: int = 16) -> bytes:
        """A challenge; one of 16 bytes is remembered by the module for EXTERNAL AUTHENTICATE."""
        return self._channel.send(CommandApdu(0x00, INS.GET_CHALLENGE, 0x00, 0x00, b"", length), "GET CHALLENGE")

    def read_file(self, file: str | int) -> bytes:
        """The content of an elementary file, by its name in the profile or its identifier in the current DF; b"" if it is empty.

        A name selects the file by its path.  FileNotFoundOnCardError if the module has no such file.
        """
        if isinstance(file, str):
            select = CommandApdu(0x00, INS.SELECT, 0x08, 0x0C, self._path(file))
        else:
            select = CommandApdu(0x00, INS.SELECT, 0x02, 0x0C, file.to_bytes(2))
        self._channel.send(select, f"SELECT {file if isinstance(file, str) else f'{file:04X}'}")
        read = CommandApdu(0x00, INS.READ_BINARY, 0x00, 0x00, b"", _WHOLE_FILE)
        return self._channel.send(read, "READ BINARY", SW.WRONG_OFFSET)

    def phase(self) -> str:
        """The letter of the phase that the module is in."""
        tag = next((entry.tag for entry in self._profile.data_objects if entry.content == "phase"), None)
        if tag is None:
            raise TransportError(f"profile {self._profile.name} has no data object for the phase")
        value = self._channel.send(CommandApdu(0x00, INS.GET_DATA, tag >> 8, tag & 0xFF, b"", _SHORT_ANSWER), "GET DATA")
        code = int.from_bytes(value)
        return next((phase.letter for phase in self._profile.phases.values() if phase.code == code), f"{code:02X}")

    def transmit(self, command: bytes) -> bytes:
        """The raw response to raw bytes."""
        return self._transport.transmit(command)

    def _key(self, key: str | int) -> tuple[int, str | None]:
        """Reference and, where the profile fixes it, the curve's name."""
        for entry in self._profile.private_keys:
            if key in (entry.name, entry.reference):
                return entry.reference, entry.curve
        if isinstance(key, int):
            return key, None
        raise UnknownNameError(f"profile {self._profile.name} has no private key {key!r}")

    def _curve(self, name: str) -> Curve:
        if name not in CURVES:
            raise UnknownNameError(f"no curve {name!r}; there is {', '.join(CURVES)}")
        return CURVES[name]

    def _path(self, name: str) -> bytes:
        """The path of a file from the MF, without the MF's own identifier."""
        directories = {directory.name: directory for directory in self._profile.directories}
        for file in self._profile.files:
            if name in (file.name, f"{file.directory}/{file.name}"):
                path, directory = file.fid.to_bytes(2), directories[file.directory]
                while directory.parent is not None:
                    path = directory.fid.to_bytes(2) + path
                    directory = directories[directory.parent]
                return path
        raise UnknownNameError(f"profile {self._profile.name} has no file {name!r}")


def _public_key(answer: bytes, curve: str | None) -> PublicKey:
    """From 7F49 { 86 point }; the curve is the one named, or the only one that the point is on."""
    try:
        template = Tlv.parse_all(answer)
        point = next(entry.value for entry in template[0].children if entry.tag == KeyTag.PUBLIC_POINT)
    except (TlvError, IndexError, StopIteration):
        raise TransportError(f"the module's answer is no public key: {answer.hex()}") from None
    for candidate in CURVES.values() if curve is None else (CURVES[curve],):
        try:
            check_point(candidate, point)
        except PointError:
            continue
        return PublicKey(candidate, point)
    raise TransportError(f"the module's answer is no point on {curve or 'any known curve'}: {point.hex()}")


__all__ = ["PublicKey", "SecurityModule"]
