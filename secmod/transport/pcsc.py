# SPDX-License-Identifier: Apache-2.0
"""A card in a PC/SC reader (PC/SC Workgroup part 5, by way of pyscard)."""

from __future__ import annotations

from typing import Any

from secmod.errors import CardResetError, NoCardError, NoReaderError, TransportError

try:
    from smartcard import scard
except ImportError as error:
    raise TransportError(f"PC/SC needs pyscard ({error}); install it with: pip install 'secmod[pcsc]'") from None

_PROTOCOLS = {scard.SCARD_PROTOCOL_T0: "T0", scard.SCARD_PROTOCOL_T1: "T1"}

_NO_SERVICE = {scard.SCARD_E_NO_SERVICE, scard.SCARD_E_SERVICE_STOPPED, scard.SCARD_F_COMM_ERROR}
_NO_CARD = {
    scard.SCARD_E_NO_SMARTCARD,
    scard.SCARD_W_REMOVED_CARD,
    scard.SCARD_W_UNPOWERED_CARD,
    scard.SCARD_W_UNRESPONSIVE_CARD,
}
_NO_READER = {scard.SCARD_E_UNKNOWN_READER, scard.SCARD_E_READER_UNAVAILABLE, scard.SCARD_E_NO_READERS_AVAILABLE}


def _check(code: int, doing: str) -> None:
    """Raises what a PC/SC result stands for; SCARD_S_SUCCESS passes."""
    if code == scard.SCARD_S_SUCCESS:
        return
    message = scard.SCardGetErrorMessage(code).rstrip(".\x00 ")
    text = f"{doing}: {message} (0x{code & 0xFFFFFFFF:08X})"
    if code in _NO_SERVICE:
        raise NoReaderError(f"{text}; start the PC/SC service: systemctl start pcscd.socket")
    if code in _NO_READER:
        raise NoReaderError(text)
    if code in _NO_CARD:
        raise NoCardError(f"{text}; insert a card, or start the emulator: secmod serve")
    if code == scard.SCARD_W_RESET_CARD:
        raise CardResetError(
            f"{text}; another program has reset the card, nothing is selected any more: call reset() and start over"
        )
    if code == scard.SCARD_E_SHARING_VIOLATION:
        raise TransportError(f"{text}; another program has the card for itself")
    raise TransportError(text)


def list_readers(context: Any) -> list[str]:
    """The names of all readers.  Raises NoReaderError if the service is gone."""
    code, names = scard.SCardListReaders(context, [])
    if code == scard.SCARD_E_NO_READERS_AVAILABLE:
        return []
    _check(code, "list the readers")
    return list(names)


def _choose(names: list[str], wanted: str) -> str:
    """The reader of this name, or the only one whose name holds the text; with no text the only reader."""
    if wanted in names and wanted:
        return wanted
    matching = [name for name in names if wanted.casefold() in name.casefold()]
    if len(matching) == 1:
        return matching[0]
    if not names:
        raise NoReaderError("there is no PC/SC reader; see what is wrong with: secmod doctor")
    listed = ", ".join(map(repr, matching or names))
    if matching:
        raise NoReaderError(f"several readers match {wanted!r}: {listed}; name one")
    raise NoReaderError(f"no reader matches {wanted!r}; there is {listed}")


class PcscTransport:
    """A shared connection to the card in a reader, with a context of its own.  Raises NoReaderError or NoCardError."""

    def __init__(self, reader: str) -> None:
        self._context: Any = None
        self._card: Any = None
        code, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        _check(code, "reach the PC/SC service")
        self._context = context
        try:
            self.name = _choose(list_readers(context), reader)
            code, self._card, active = scard.SCardConnect(
                context, self.name, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
            )
            if code != scard.SCARD_S_SUCCESS:
                self._card = None
            _check(code, f"connect to the card in {self.name!r}")
            self._use(active)
        except BaseException:
            self.close()
            raise

    def _use(self, active: int) -> None:
        self.protocol = _PROTOCOLS.get(active, "T1")
        self._pci = scard.SCARD_PCI_T0 if self.protocol == "T0" else scard.SCARD_PCI_T1
        code, _name, _state, _protocol, atr = scard.SCardStatus(self._card)
        _check(code, f"read the ATR of the card in {self.name!r}")
        self.atr = bytes(atr)

    def transmit(self, command: bytes) -> bytes:
        """The card's response, at least 2 bytes.  Raises NoCardError, CardResetError or another TransportError."""
        code, response = scard.SCardTransmit(self._open_card(), self._pci, list(command))
        if code != scard.SCARD_S_SUCCESS:
            _check(code, f"send to the card in {self.name!r}")
        return bytes(response)

    def reset(self) -> None:
        """The card has been reset (warm), also after CardResetError.  Raises TransportError."""
        code, active = scard.SCardReconnect(
            self._open_card(),
            scard.SCARD_SHARE_SHARED,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
            scard.SCARD_RESET_CARD,
        )
        _check(code, f"reset the card in {self.name!r}")
        self._use(active)

    def close(self) -> None:
        """The connection is gone; the card keeps its power and state, as PC/SC has it."""
        if self._card is not None:
            scard.SCardDisconnect(self._card, scard.SCARD_LEAVE_CARD)
            self._card = None
        if self._context is not None:
            scard.SCardReleaseContext(self._context)
            self._context = None

    def _open_card(self) -> Any:
        if self._card is None:
            raise TransportError(f"the connection to {self.name!r} is closed")
        return self._card


def open_reader(name: str) -> PcscTransport:
    """The card in the reader of this name; part of a name will do if it is the only one, and "" if there is one reader."""
    return PcscTransport(name)
