# SPDX-License-Identifier: Apache-2.0
"""A command out, its response or a typed error back: in plain, or under secure messaging once a session is open."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING

from secmod.apdu import INS, SW, CommandApdu, ResponseApdu, exchange, split
from secmod.errors import ApduError, SecureMessagingError, SessionOverError, TransportError
from secmod.host.capabilities import Capabilities
from secmod.host.refusals import status_error

if TYPE_CHECKING:
    from secmod.profile.model import Transport as Limits
    from secmod.securemessaging import Session
    from secmod.transport.base import Transport

_SHORT_NC, _SHORT_NE = 255, 256
_PROTECTED_SHORT = 223  # of either: what fits a short command and a short response under secure messaging
_OVERHEAD = 64  # bytes that protection adds to a command at most, with room to spare
_HEADER_AND_LENGTHS = 9  # of an extended command
_END_OF_SESSION = CommandApdu(0x00, INS.SELECT, 0x00, 0x0C)  # the MF: any command in plain ends the card's end of a session


class Channel:
    """A channel to a powered card.  Any thread may use it; hold `lock` around commands that belong together.

    A session that has ended by itself is not silently followed by commands in plain: they raise SessionOverError until `protect`,
    `end` or `forget` is called.
    """

    def __init__(self, transport: Transport, limits: Limits) -> None:
        """`limits` are those of the profile; whether the card chains and takes extended lengths it says itself, if it says it."""
        self.transport = transport
        self.lock = threading.RLock()
        self._longest = limits.max_command
        self._ways = Capabilities.of_atr(transport.atr) or Capabilities(chaining=False, extended=limits.extended_length)
        self._session: Session | None = None
        self._began = self._max_age = 0.0
        self._over: str | None = None

    # ---- commands ----------------------------------------------------------------------------------------------------------

    def exchange(self, apdu: CommandApdu) -> ResponseApdu:
        """The response, whatever its status word.

        Raises TransportError; ApduError for bytes that are no response; SecureMessagingError if the session has ended with this
        command, which may have been carried out or not and is not sent again; SessionOverError if it had before.
        """
        with self.lock:
            self.check()
            session = self._session
            if session is None:
                return self._carry(apdu)
            protected = session.protect_command(apdu)
            try:
                raw = self._carry_protected(protected)
                return session.unprotect_response(raw, bool(apdu.ins & 1))
            except SecureMessagingError as error:
                self.end(str(error))
                raise
            except BaseException as error:
                # The card may have counted the command or not: the two ends have lost each other.
                self._drop(f"a command got no answer ({str(error) or type(error).__name__})")
                raise

    def ask(self, apdu: CommandApdu, doing: str, *accepted: SW) -> ResponseApdu:
        """The response, if its status word is 9000 or one of `accepted`; else raises its StatusError.

        Data that is too long for one command goes in an extended one or in a chain, as the card can take it.
        """
        with self.lock:
            self.check()
            *parts, last = self._in_parts(apdu)
            for part in parts:
                response = self.exchange(part)
                if response.sw != SW.OK:
                    raise status_error(response.sw, doing)
            response = self.exchange(last)
        if response.sw != SW.OK and response.sw not in accepted:
            raise status_error(response.sw, doing)
        return response

    def send(self, apdu: CommandApdu, doing: str, *accepted: SW) -> bytes:
        """The data of that response."""
        return self.ask(apdu, doing, *accepted).data

    @property
    def most_data(self) -> int:
        """How many bytes one response can carry."""
        if self._ways.extended:
            return 65536
        return _SHORT_NE if self._session is None else _PROTECTED_SHORT

    def _in_parts(self, apdu: CommandApdu) -> list[CommandApdu]:
        longest = self._longest - (0 if self._session is None else _OVERHEAD)
        if self._ways.extended:
            most = longest - _HEADER_AND_LENGTHS
        else:
            most = _SHORT_NC if self._session is None else _PROTECTED_SHORT
            apdu = CommandApdu(*apdu[:5], min(apdu.ne, self.most_data))
        if apdu.nc <= most:
            return [apdu]
        if not self._ways.chaining:
            raise ApduError(SW.WRONG_LENGTH, f"the card takes {most} bytes in one command and no chain; these are {apdu.nc}")
        return split(apdu, most)

    def _carry(self, apdu: CommandApdu) -> ResponseApdu:
        if self.transport.protocol == "T0":
            return exchange(self.transport.transmit, apdu)
        return ResponseApdu.parse(self.transport.transmit(apdu.encode()))

    def _carry_protected(self, raw: bytes) -> bytes:
        if self.transport.protocol == "T0":
            return exchange(self.transport.transmit, CommandApdu.parse(raw)).encode()
        return self.transport.transmit(raw)

    # ---- the session -------------------------------------------------------------------------------------------------------

    @property
    def protected(self) -> bool:
        """A session is open and not too old: the next command goes out protected."""
        return self._session is not None and self._is_young()

    @property
    def used(self) -> bool:
        """A session is open, or has ended by itself: plain commands are not expected."""
        return self._session is not None or self._over is not None

    @property
    def age(self) -> float | None:
        """Seconds since the session was opened, None without one."""
        # The time that the machine slept counts as well.
        return None if self._session is None else time.clock_gettime(time.CLOCK_BOOTTIME) - self._began

    def protect(self, session: Session, max_age: float) -> None:
        """Commands go out under this session from now on, for `max_age` seconds at most."""
        with self.lock:
            self._session, self._over = session, None
            self._began, self._max_age = time.clock_gettime(time.CLOCK_BOOTTIME), max_age

    def end(self, reason: str | None = None) -> None:
        """The session is over at both ends.  With a `reason` later commands raise SessionOverError, else they go out in plain."""
        with self.lock:
            self._drop(reason)
            with contextlib.suppress(TransportError, ApduError):
                self._carry(_END_OF_SESSION)

    def forget(self, reason: str | None = None) -> None:
        """As `end`, where the card's end is over already."""
        with self.lock:
            self._drop(reason)

    def require_session(self, doing: str) -> None:
        """Returns if a session is open; raises SessionOverError: what is to be sent must not go in plain."""
        self.check()
        if self._session is None:
            raise SessionOverError(f"{doing}: no session is open; call open_session")

    def check(self) -> None:
        """Returns if a command may go out; raises SessionOverError if the session has ended by itself, or is too old now."""
        if self._session is not None and not self._is_young():
            self.end(f"it has reached its greatest age, {self._max_age / 3600:g} hours")
        if self._over is not None:
            raise SessionOverError(f"the session is over: {self._over}; call open_session, or close_session to go on in plain")

    def _drop(self, reason: str | None) -> None:
        if self._session is not None:
            self._session.release()
            self._session = None
        self._over = reason

    def _is_young(self) -> bool:
        age = self.age
        return age is not None and age < self._max_age


__all__ = ["Channel"]
