# SPDX-License-Identifier: Apache-2.0
"""A secure messaging session: two keys and a counter, in the core, which goes up with every message."""

from __future__ import annotations

import threading
from typing import NoReturn

from secmod._native import ffi, lib
from secmod.apdu import INS, SW, CommandApdu, ResponseApdu
from secmod.crypto.handshake import SessionKeys
from secmod.crypto.results import failure
from secmod.errors import ApduError, CardError, SecureMessagingError

_ROOM = 65_544 + 40
"""The longest APDU, with what protection adds to it."""


class Session:
    """A session of either end, over keys that PACE has made; the first message counts as 1.

    Any error in a message ends it: its keys are wiped, and what comes afterwards is refused.  `allow_plain` says whether messages
    may carry plain data objects (81), which the MAC alone protects; `live` is false when the session is over.
    """

    __slots__ = ("__weakref__", "_handle", "_keys", "_options", "_vault", "live")

    def __init__(self, keys: SessionKeys, *, allow_plain: bool = False) -> None:
        # The two are asked for with every APDU; the keys are kept so that they live as long as the session.
        self._vault, self._handle = keys.vault, keys.handle
        self._keys = keys
        self._options = 0
        self.live = True
        self.allow_plain = allow_plain

    @property
    def allow_plain(self) -> bool:
        """Whether a message may carry plain data in 81."""
        return self._options != 0

    @allow_plain.setter
    def allow_plain(self, allowed: bool) -> None:
        self._options = lib.SECMOD_SM_ALLOW_PLAIN if allowed else 0

    def release(self) -> None:
        """The session is over and its keys are wiped; nothing happens if it was before."""
        self.live = False
        self._keys.release()

    # ---- card --------------------------------------------------------------------------------------------------------------

    def unprotect(self, raw: bytes) -> CommandApdu:
        """The plain command in a protected one, with its chaining bit and the form of Le that it had.

        Raises CardError with the status word that the card answers, unprotected: 6987 if a data object is missing, 6988 if one is
        wrong or the session is over; ApduError (6700, 6E00) for bytes that are no command, or leave no room for an answer.
        """
        # One crossing into the core and one read of its answer, as in CommandApdu.parse.
        out, buffer, length, structure, read = _kept.command
        length[0] = _ROOM
        if code := _unprotect(self._vault, self._handle, self._options, raw, len(raw), out, length, structure):
            self._refuse_command(code, structure.status)
        _, cla, ins, p1, p2, _, _, _, _, extended, start, nc, ne = read()
        if ins in _WITH_PASSWORDS:
            data = buffer[start : start + nc]
            lib.secmod_wipe(out + start, nc)
            return _new(CommandApdu, (cla, ins, p1, p2, data, ne, extended == 1))
        return _new(CommandApdu, (cla, ins, p1, p2, buffer[start : start + nc], ne, extended == 1))

    def _refuse_command(self, code: int, status: int) -> NoReturn:
        self.release()
        if code == lib.SECMOD_E_HANDLE:
            raise CardError(SW.SM_OBJECT_WRONG, "secure messaging without a session")
        if code == lib.SECMOD_E_SM_MISSING:
            raise CardError(SW.SM_OBJECT_MISSING, "a secure messaging data object is missing: the session is over")
        if code == lib.SECMOD_E_SM_WRONG and status == SW.SM_OBJECT_WRONG:
            raise CardError(SW.SM_OBJECT_WRONG, "a secure messaging data object is wrong: the session is over")
        if code == lib.SECMOD_E_SM_WRONG:
            raise ApduError(status, "no command, or one without room for a protected response: the session is over")
        if code == lib.SECMOD_E_ARGUMENT:
            raise ApduError(SW.WRONG_LENGTH, "more bytes than a command can have: the session is over")
        raise failure(code)

    def protect(self, response: bytes, odd: bool) -> bytes:  # noqa: FBT001  (a bit of the command's INS)
        """A plain response (data, SW1, SW2), protected; `odd` is the lowest bit of the command's INS.

        Data goes with 9000, 61xx, 62xx and 63xx only.  What is too long for the protected command's Le becomes 6700.  Raises
        HandleError if the session is over.
        """
        out, buffer, length = _kept.message
        length[0] = _ROOM
        if code := _protect(self._vault, self._handle, odd, response, len(response), out, length):
            raise failure(code, "session")
        protected: bytes = buffer[: length[0]]
        return protected

    # ---- host --------------------------------------------------------------------------------------------------------------

    def protect_command(self, command: CommandApdu) -> bytes:
        """The command, protected.

        The outer form is extended if the plain one is, if it has become too long for the other, or if a response with all that
        Ne allows would not fit a short one (Ne > 223).  Raises ApduError for a command that is protected already, of a class
        that can not be, or becomes too long; SecureMessagingError if the session is over.
        """
        out, buffer, length = _kept.message
        plain = command.encode()
        length[0] = _ROOM
        code = lib.secmod_protect_command(self._vault, self._handle, plain, len(plain), out, length)
        if code == lib.SECMOD_E_ARGUMENT:
            raise ApduError(SW.WRONG_LENGTH, f"{command!r} can not be protected: its class, or its length")
        if code:
            self._refuse_message(code)
        protected: bytes = buffer[: length[0]]
        return protected

    def unprotect_response(self, raw: bytes, odd: bool) -> ResponseApdu:  # noqa: FBT001  (a bit of the command's INS)
        """The plain response in a protected one.

        Raises SecureMessagingError, and the session is over, if it is not protected or its protection is wrong.
        """
        out, buffer, length = _kept.message
        length[0] = _ROOM
        code = lib.secmod_unprotect_response(self._vault, self._handle, self._options, odd, raw, len(raw), out, length)
        if code == lib.SECMOD_E_SM_MISSING and len(raw) == 2:
            self.release()
            sw = SW(raw[0] << 8 | raw[1])
            raise SecureMessagingError(f"the card has ended the session: {sw} {sw.meaning}", sw)
        if code:
            self._refuse_message(code)
        return ResponseApdu.parse(buffer[: length[0]])

    def _refuse_message(self, code: int) -> NoReturn:
        self.release()
        raise SecureMessagingError(_REASONS.get(code, f"secure messaging has failed: {failure(code)}"))

    def __repr__(self) -> str:
        return "Session()" if self.live else "Session(over)"


_REASONS = {
    lib.SECMOD_E_HANDLE: "the session is over",
    lib.SECMOD_E_SM_MISSING: "the response is not protected: a data object is missing; the session is over",
    lib.SECMOD_E_SM_WRONG: "the response's protection is wrong, or it answers another command; the session is over",
    lib.SECMOD_E_ARGUMENT: "more bytes than a response can have; the session is over",
}


_WITH_PASSWORDS = frozenset((INS.VERIFY, INS.CHANGE_REFERENCE_DATA, INS.RESET_RETRY_COUNTER))


class _Kept(threading.local):
    """Room for the core's answers, one per thread and kept: calls into the core let other threads run."""

    def __init__(self) -> None:
        out, length = ffi.new("uint8_t[]", _ROOM), ffi.new("size_t *")
        structure = ffi.new("struct secmod_command *")
        self.message = out, ffi.buffer(out), length
        # struct secmod_command holds nothing but ints: `read` gives all of them at once, in the order of the header.
        self.command = *self.message, structure, memoryview(ffi.buffer(structure)).cast("i").tolist


_kept = _Kept()
_unprotect = lib.secmod_unprotect_command
_protect = lib.secmod_protect_response
_new = tuple.__new__

__all__ = ["Session"]
