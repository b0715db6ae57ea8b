# SPDX-License-Identifier: Apache-2.0
"""Commands over T=0 (ISO/IEC 7816-3 clause 12.2): a TPDU carries data in one direction only.

case            sent to the card                      answer
1               header (the reader adds P3 = 00)      SW
2, Ne <= 256    header, P3 = Le                       data SW, or 6Cxx: repeat with P3 = xx
3, Nc <= 255    header, P3 = Lc, data                 SW
4, both         as case 3                             61xx: fetch with GET RESPONSE
anything larger the extended APDU in parts, each in an ENVELOPE; then as case 4

`T0Mapper` is the card's end, `exchange` the host's.
"""

from __future__ import annotations

from collections.abc import Callable

from secmod.apdu.cla import CLASS_BYTES, ClassByte
from secmod.apdu.command import MAX_NC, MAX_NE, MAX_SHORT_NC, MAX_SHORT_NE, CommandApdu
from secmod.apdu.ins import INS
from secmod.apdu.response import ResponseApdu
from secmod.apdu.status import SW
from secmod.errors import ApduError

Transmit = Callable[[bytes], bytes]
"""Command bytes in, response bytes out."""

_EXTENDED_HEADER = 7
_LARGEST_APDU = _EXTENDED_HEADER + MAX_NC + 2


class T0Mapper:
    """A card that speaks APDUs, seen through T=0: call it with a TPDU as a PC/SC application hands it to the reader.

    The answer is what that reader would return: data and status word, procedure bytes already dealt with.  The card behind is
    asked once per command, with all the Le that the form allows; what does not fit waits here: for GET RESPONSE, or, after 6Cxx,
    for the same header with the right P3.  Any other command discards it.
    """

    __slots__ = ("_envelope", "_late", "_origin", "_transmit", "_waiting")

    def __init__(self, transmit: Transmit) -> None:
        self._transmit = transmit
        self._envelope = bytearray()
        # The response that waits, and the header of the command that it answers.
        self._waiting: ResponseApdu | None = None
        self._origin = b""
        # The response to an ENVELOPE whose Le may still come.
        self._late: ResponseApdu | None = None

    def reset(self) -> None:
        """Forgets what waits, as the card behind does on power-on and reset."""
        self._envelope.clear()
        self._waiting = self._late = None
        self._origin = b""

    def __call__(self, tpdu: bytes) -> bytes:
        """The answer to one TPDU: 4 bytes (case 1), 5 (case 2), or 5 + Lc (cases 3 and 4; readers drop a Le behind them).

        Anything else is answered 6700, as are extended APDUs: they travel in ENVELOPE.
        """
        if len(tpdu) < 4 or (len(tpdu) > 5 and (not tpdu[4] or len(tpdu) - 5 - tpdu[4] not in (0, 1))):
            self.reset()
            return SW.WRONG_LENGTH.to_bytes(2, "big")
        return self._answer(tpdu).encode()

    def _answer(self, tpdu: bytes) -> ResponseApdu:
        header, data = tpdu[:4], tpdu[5 : 5 + tpdu[4]] if len(tpdu) > 5 else b""
        ne = (tpdu[4] or MAX_SHORT_NE) if len(tpdu) == 5 else 0
        waiting, late, origin = self._waiting, self._late, self._origin
        self._waiting = self._late = None
        if header[1] == INS.ENVELOPE and not CLASS_BYTES[header[0]].reserved:
            return self._gather(header, data, ne, late)
        self._envelope.clear()
        if header[1] == INS.GET_RESPONSE and not CLASS_BYTES[header[0]].reserved:
            return self._get_response(header, ne, waiting, origin)
        if waiting is not None and header == origin and ne == len(waiting.data):
            return waiting
        if data:
            return self._announce(header, ResponseApdu.parse(self._transmit(tpdu[: 5 + tpdu[4]] + b"\x00")))
        return self._deliver(header, ne, ResponseApdu.parse(self._transmit(tpdu)))

    def _get_response(self, header: bytes, ne: int, waiting: ResponseApdu | None, origin: bytes) -> ResponseApdu:
        if waiting is None or not waiting.data or CLASS_BYTES[header[0]].channel != CLASS_BYTES[origin[0]].channel:
            return ResponseApdu(b"", SW.CONDITIONS)
        if header[2:] != b"\x00\x00":
            return ResponseApdu(b"", SW.WRONG_P1P2)
        if not ne:
            return ResponseApdu(b"", SW.WRONG_LENGTH)
        return self._deliver(origin, ne, waiting)

    def _deliver(self, origin: bytes, ne: int, response: ResponseApdu) -> ResponseApdu:
        """What P3 = Ne takes of a response: exactly Ne bytes or none, for the reader waits for that many."""
        data, sw = response
        if not data or not ne or _is_bare(origin, sw):
            return response.fitted(ne)
        if len(data) == ne:
            return response
        if len(data) < ne:
            self._keep(origin, response)
            return ResponseApdu(b"", SW.correct_le(len(data)))
        rest = ResponseApdu(data[ne:], sw)
        return ResponseApdu(data[:ne], self._announce(origin, rest).sw)

    def _announce(self, origin: bytes, response: ResponseApdu) -> ResponseApdu:
        """61xx for a response with data; one without is given as it is."""
        if not response.data or _is_bare(origin, response.sw):
            return response.fitted(0)
        self._keep(origin, response)
        return ResponseApdu(b"", SW.bytes_waiting(len(response.data)))

    def _keep(self, origin: bytes, response: ResponseApdu) -> None:
        self._waiting, self._origin = response, origin

    def _gather(self, header: bytes, data: bytes, ne: int, late: ResponseApdu | None) -> ResponseApdu:
        """ENVELOPE: a part of an extended APDU; one without data ends it (ISO/IEC 7816-4 clause 11.7.2)."""
        envelope = self._envelope
        wrong = header[2:] != b"\x00\x00"
        if wrong or ne not in (0, MAX_SHORT_NE) or len(envelope) + len(data) > _LARGEST_APDU:
            envelope.clear()
            return ResponseApdu(b"", SW.WRONG_P1P2 if wrong else SW.WRONG_LENGTH)
        if late is not None and len(data) == 2:
            wanted = int.from_bytes(data, "big") or MAX_NE
            return self._announce(self._origin, late.fitted(wanted, protected=_is_protected(self._origin)))
        envelope += data
        missing = _extended_end(envelope) - len(envelope)
        if data and missing > 0:
            return ResponseApdu(b"", SW.OK)
        apdu = bytes(envelope)
        envelope.clear()
        if missing:
            return self._announce(apdu[:4], ResponseApdu.parse(self._transmit(apdu)))
        # Complete, but two bytes of Le may follow in a part of their own.  It is executed as if they did, or a command without Le
        # would wait for ever; its data is given only if they come.
        self._late, self._origin = ResponseApdu.parse(self._transmit(apdu + b"\x00\x00")), apdu[:4]
        return self._late.fitted(0)


def _is_protected(header: bytes) -> bool:
    return bool(CLASS_BYTES[header[0]].secure)


def _is_bare(header: bytes, sw: SW) -> bool:
    """An error carries no data, unless it is protected."""
    return sw.is_error and not _is_protected(header)


def _extended_end(apdu: bytearray) -> int:
    """Where the data field of an extended APDU ends that begins like this; beyond any end if there is none, or not yet."""
    nc = int.from_bytes(apdu[5:_EXTENDED_HEADER], "big") if len(apdu) >= _EXTENDED_HEADER and not apdu[4] else 0
    return _EXTENDED_HEADER + nc if nc else _LARGEST_APDU + 1


def exchange(transmit: Transmit, command: CommandApdu) -> ResponseApdu:
    """The response to a command over T=0, as T=1 would have given it: 61xx and 6Cxx are followed, no more than Ne bytes returned.

    `transmit` takes TPDUs.  A warning is seen only by who fetches all data; to others 61xx is 9000.  Raises `ApduError` if the
    card announces data and gives none, or an answer has no status word.
    """
    header = bytes((command.cla, command.ins, command.p1, command.p2))
    if command.nc > MAX_SHORT_NC or command.ne > MAX_SHORT_NE:
        response = _send_envelopes(transmit, command)
    elif command.data:
        response = ResponseApdu.parse(transmit(header + bytes((command.nc,)) + command.data))
    elif command.ne:
        response = _ask(transmit, header, command.ne)
    else:
        response = ResponseApdu.parse(transmit(header))
    return _fetch(transmit, command, response)


def _ask(transmit: Transmit, header: bytes, ne: int) -> ResponseApdu:
    """A case 2 TPDU, repeated once if the card names another length."""
    response = ResponseApdu.parse(transmit(header + bytes((ne & 0xFF,))))
    if response.sw.sw1 != 0x6C or response.data:
        return response
    return ResponseApdu.parse(transmit(header + bytes((response.sw.sw2,))))


def _fetch(transmit: Transmit, command: CommandApdu, response: ResponseApdu) -> ResponseApdu:
    """The response with what waits in the card after 61xx, up to Ne bytes."""
    get_response = bytes((_same_channel(command), INS.GET_RESPONSE, 0, 0))
    data, sw = response
    while sw.sw1 == 0x61:
        wanted = min(sw.sw2 or MAX_SHORT_NE, command.ne - len(data))
        if wanted <= 0:
            sw = SW.OK
            break
        more = _ask(transmit, get_response, wanted)
        if more.sw.sw1 == 0x61 and not more.data:
            raise ApduError(SW.NO_DIAGNOSIS, "the card announces data (61xx) and gives none")
        data, sw = data + more.data, more.sw
    return ResponseApdu(data, sw).fitted(command.ne, protected=bool(command.secure))


def _send_envelopes(transmit: Transmit, command: CommandApdu) -> ResponseApdu:
    """The answer to the last of the ENVELOPE commands that carry this one."""
    rest = command.encode()
    envelope = bytes((_same_channel(command), INS.ENVELOPE, 0, 0))
    response = ResponseApdu(b"", SW.OK)
    while rest and response.sw == SW.OK:
        # No part ends just before Le or within it: a card could take the command for complete.
        length = MAX_SHORT_NC - 2 if len(rest) - MAX_SHORT_NC in (1, 2) else MAX_SHORT_NC
        part, rest = rest[:length], rest[length:]
        response = ResponseApdu.parse(transmit(envelope + bytes((len(part),)) + part))
    # Seven bytes with extended Le look like the beginning of a longer command: their end must be said.
    if command.data or response.sw != SW.OK:
        return response
    return ResponseApdu.parse(transmit(envelope + b"\x00"))


def _same_channel(command: CommandApdu) -> int:
    """The plain class byte of the command's channel."""
    return ClassByte.build(channel=command.channel).value


__all__ = ["T0Mapper", "Transmit", "exchange"]
