# SPDX-License-Identifier: Apache-2.0
"""Every exception of secmod.

SecmodError
├── CardError            card side: a command ends with this status word
│   └── ApduError        these bytes are no command or response APDU (ISO/IEC 7816-4)
├── NoPowerError         card side: the card has no power
├── TlvError             these bytes are no BER-TLV (ISO/IEC 8825-1)
├── ProfileError         a card profile that can not be built
├── CryptoError          the native core refused
│   ├── PointError       not a point of the curve
│   ├── SignatureError   the signature does not verify
│   ├── HandleError      no secret lives under this handle
│   ├── MismatchError    a password or token is wrong
│   ├── StateError       a step of a handshake out of its order
│   ├── SealError        not what was sealed or tagged: other bytes, another key, another context
│   ├── FaultError       an outcome was checked and is wrong; nothing came out
│   ├── KeyFileError     a key file that can not be read or written, or has another length
│   └── RandomAlarmError the random generator gives nothing more, until a reset or for good
├── StoreError           what a store holds can not be used
│   ├── StoreBusyError   another process has the store open
│   ├── StoreKeyError    the passphrase or key file does not open it
│   ├── StoreDamagedError    bits of it have changed, or are missing
│   ├── StoreVersionError    made by a newer version, or no store at all
│   ├── StoreProfileError    its modules were made from another profile
│   └── StorageError     the medium did not take a change; nothing has changed
│       └── StorageFullError, StorageReadOnlyError
├── PowerLostError       card side: the power went while the card was at work
├── LinkError            the connection between reader driver and card process
│   └── EmptyReaderError the reader holds no card
├── ControlError         the control channel: no request, or one that can not be carried out
├── FaultPlanError       a plan of faults that can not be read, or not be carried out on this card
├── LatencyError         figures of a chip's speed that can not be read
├── DriverError          installing or starting the reader driver and its pcscd
├── UnknownNameError     the profile, the card or the core has nothing of this name
├── TransportError       host side: no answer came from the card
│   ├── NoReaderError    no such reader, or no PC/SC service
│   ├── NoCardError      the reader is empty, or the card was taken out
│   └── CardResetError   another program has reset the card
├── PaceError            host side: the card has not proven that it knows the password
├── SecureMessagingError host side: a protected response that is missing or wrong; the session is over
│   └── SessionOverError the session is over already; nothing was sent
└── StatusError          host side: the card answered with another status word than 9000
    ├── WrongLengthError, SecurityStatusError, BlockedError, ReferenceUnusableError, ConditionsError, WrongDataError,
    │   NotSupportedError, FileNotFoundOnCardError, ReferenceNotFoundError, WrongParametersError, CardFaultError
    └── RetriesLeftError    wrong password; `retries_left` tries remain
"""

from __future__ import annotations


class SecmodError(Exception):
    """The root: catches everything that secmod raises on purpose."""


class CardError(SecmodError):
    """Ends a command with a status word (two bytes, 0x6000..0x9FFF); made into bytes by the dispatcher alone."""

    def __init__(self, sw: int, reason: str = "") -> None:
        self.sw = int(sw)
        super().__init__(reason or f"status word {self.sw:04X}")


class ApduError(CardError):
    """Bytes that are no APDU; `sw` is what a card answers to them (ISO/IEC 7816-4, 7816-3 clause 12)."""


class NoPowerError(SecmodError):
    """The card has no power: it can not answer at all."""


class TlvError(SecmodError):
    """Bytes that are no BER-TLV: truncated, indefinite or not of minimal length."""


class ProfileError(SecmodError):
    """A card profile that can not be built; the message names file, place and the next step."""


class CryptoError(SecmodError):
    """The native core refused: a length, curve or state it can not work with."""


class PointError(CryptoError):
    """Not an uncompressed point on the curve (TR-03111 clause 4.3.1)."""


class SignatureError(CryptoError):
    """The signature does not verify (TR-03111 clause 4.2.1)."""


class HandleError(CryptoError):
    """No secret lives under this handle: it was released, or belongs to another vault."""


class RandomAlarmError(CryptoError):
    """The random generator is in its alarm state (SP 800-90B): it gives nothing until a reset; after a second alarm, never."""


class MismatchError(CryptoError):
    """A password or an authentication token is wrong, or the other end's public key is our own (TR-03110-3 B.1)."""


class StateError(CryptoError):
    """A step of a handshake out of its order; the handshake is over."""


class SealError(CryptoError):
    """Not what was sealed, wrapped or tagged: other bytes, another store key, or another context; nothing came out of it."""


class FaultError(CryptoError):
    """A signature, key or agreement was checked and is wrong: the machine made a mistake, or was made to.  An alarm follows."""


class KeyFileError(CryptoError):
    """A file of a store key that can not be read or written, or has another length than 32 bytes."""


class StoreError(SecmodError):
    """What a store holds can not be used; the message names the place and the next step."""


class StoreBusyError(StoreError):
    """Another process has the store open; `pid` is its number, None if it has not told."""

    def __init__(self, reason: str, pid: int | None = None) -> None:
        self.pid = pid
        super().__init__(reason)


class StoreKeyError(StoreError):
    """The store's key is missing, or the passphrase or key file is not the one that the store was made with."""


class StoreDamagedError(StoreError):
    """Bits of the store have changed, or parts of it are missing or stand in another's place; the message names them."""


class StoreVersionError(StoreError):
    """The store was made by a newer version of the program, or is none; it has not been touched."""


class StoreProfileError(StoreError):
    """The modules in the store were made from another profile."""


class StorageError(StoreError):
    """The medium did not take a change: store and card are as before."""


class StorageFullError(StorageError):
    """No space is left on the medium."""


class StorageReadOnlyError(StorageError):
    """The medium can only be read."""


class PowerLostError(SecmodError):
    """The power went while the card was at work: there is no answer, and only what was stored before remains."""


class LinkError(SecmodError):
    """The connection between reader driver and card process: refused, broken, or of another protocol version."""


class EmptyReaderError(LinkError):
    """The reader holds no card: there is nothing to eject, or to give power to."""


class ControlError(SecmodError):
    """A request on the control channel that is none, or that can not be carried out; nothing has changed."""


class FaultPlanError(SecmodError):
    """A plan of faults that can not be read, or not be carried out on this card; the message names the place."""


class LatencyError(SecmodError):
    """Figures of a chip's speed that can not be read; the message names the place."""


class DriverError(SecmodError):
    """The reader driver or its pcscd can not be installed or started."""


class UnknownNameError(SecmodError):
    """The profile or the card has no key or file, or the core no curve, of this name."""


class TransportError(SecmodError):
    """No answer came from the card."""


class NoReaderError(TransportError):
    """No such reader, or no PC/SC service to ask for one."""


class NoCardError(TransportError):
    """The reader is empty, or its card was taken out."""


class CardResetError(TransportError):
    """Another program has reset the card: what was selected and proven is gone."""


class PaceError(SecmodError):
    """PACE failed: the card's point or token is wrong, or a step came out of its order; nothing of the run is left."""


class SecureMessagingError(SecmodError):
    """The session is over: a response is not protected, or its protection is wrong (TR-03110-3 F).

    `sw` is the plain status word that came instead of a protected response, for example 6988; None if there was none.
    """

    def __init__(self, reason: str, sw: int | None = None) -> None:
        self.sw = sw
        super().__init__(reason)


class SessionOverError(SecureMessagingError):
    """There is no session any more, or none yet where one is needed; the command was not sent, least of all in plain."""


class StatusError(SecmodError):
    """The card answered with another status word than 9000.

    `sw` is the status word, `meaning` its sentence, `command` the name of the command that was refused.
    """

    def __init__(self, sw: int, meaning: str, command: str = "command") -> None:
        self.sw = int(sw)
        self.meaning = meaning
        self.command = command
        super().__init__(f"{command}: {self.sw:04X} {meaning}")


class WrongLengthError(StatusError):
    """6700, 6Cxx: a length field or the expected length is wrong."""


class SecurityStatusError(StatusError):
    """6982: the access rule is not satisfied, for example because PACE has not been run."""


class BlockedError(StatusError):
    """6983: the password is blocked, or the authenticating key has expired."""


class ReferenceUnusableError(StatusError):
    """6984: the key or password is there and can not be used (terminated, or never set)."""


class ConditionsError(StatusError):
    """6985, 6986: conditions of use not satisfied, for example no key selected or the key is already there."""


class WrongDataError(StatusError):
    """6A80: wrong data; also a signature that does not verify, or a point that is not on its curve."""


class NotSupportedError(StatusError):
    """6881..6884, 6A81, 6D00, 6E00: the card has no such function, instruction or class."""


class FileNotFoundOnCardError(StatusError):
    """6A82: no such file or application."""


class ReferenceNotFoundError(StatusError):
    """6A88: no such key, password or data object."""


class WrongParametersError(StatusError):
    """6A86, 6A87, 6B00: wrong P1-P2 or offset."""


class CardFaultError(StatusError):
    """64xx, 65xx, 6F00: execution error; 6400 also: the key is empty."""


class RetriesLeftError(StatusError):
    """63Cx: the password was wrong."""

    def __init__(self, sw: int, meaning: str, command: str = "command") -> None:
        super().__init__(sw, meaning, command)
        self.retries_left = int(sw) & 0x0F


__all__ = [
    "ApduError",
    "BlockedError",
    "CardError",
    "CardFaultError",
    "CardResetError",
    "ConditionsError",
    "ControlError",
    "CryptoError",
    "DriverError",
    "EmptyReaderError",
    "FaultError",
    "FaultPlanError",
    "FileNotFoundOnCardError",
    "HandleError",
    "KeyFileError",
    "LatencyError",
    "LinkError",
    "MismatchError",
    "NoCardError",
    "NoPowerError",
    "NoReaderError",
    "NotSupportedError",
    "PaceError",
    "PointError",
    "PowerLostError",
    "ProfileError",
    "RandomAlarmError",
    "ReferenceNotFoundError",
    "ReferenceUnusableError",
    "RetriesLeftError",
    "SealError",
    "SecmodError",
    "SecureMessagingError",
    "SecurityStatusError",
    "SessionOverError",
    "SignatureError",
    "StateError",
    "StatusError",
    "StorageError",
    "StorageFullError",
    "StorageReadOnlyError",
    "StoreBusyError",
    "StoreDamagedError",
    "StoreError",
    "StoreKeyError",
    "StoreProfileError",
    "StoreVersionError",
    "TlvError",
    "TransportError",
    "UnknownNameError",
    "WrongDataError",
    "WrongLengthError",
    "WrongParametersError",
]
