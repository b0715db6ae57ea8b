# SPDX-License-Identifier: Apache-2.0
"""From a command's header to its handler, and from what the handler says to a response.

The order of checks is that of the facts sheet for ISO/IEC 7816-4: instruction, class, parameters, lengths, content of the data
field, access rule; the handler goes on with objects, their rules and states.
"""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NewType

from secmod.apdu import SW, ResponseApdu
from secmod.card.access import Rule, compile_rule, evaluate
from secmod.crypto import erase
from secmod.errors import CardError, TlvError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Mapping

    from secmod.apdu import CommandApdu
    from secmod.card.state import CardState
    from secmod.profile import Profile
    from secmod.profile.model import Command
    from secmod.table import Table

    Handler = Callable[..., bytes | ResponseApdu | None]


# Parameters that are names: of a file of the profile, of something that can be proven in a session.
FileName = NewType("FileName", str)
Proof = NewType("Proof", str)


class Data(enum.Enum):
    """Whether a command carries data."""

    NEVER = "never"
    OPTIONAL = "optional"
    REQUIRED = "required"


class Chaining(enum.Enum):
    """What the parts of a chain are (ISO/IEC 7816-4 clause 5.3.3)."""

    NONE = "the command comes whole"
    JOINED = "the data fields are joined"
    STEPS = "each part is a step with an answer of its own"


@dataclass(frozen=True, slots=True)
class Description:
    """What a handler accepts; attached to it by `command`."""

    name: str
    instruction: int | None
    proprietary: bool
    p1: Container[int] | None
    p2: Container[int] | None
    data: Data
    chaining: Chaining
    parse: Callable[[CommandApdu], Any] | None
    parameters: type | None
    secret: bool


def command(  # noqa: PLR0913  (one keyword for each thing a header can say)
    name: str,
    instruction: int | None,
    *,
    p1: int | Container[int] | None = None,
    p2: int | Container[int] | None = None,
    data: Data = Data.NEVER,
    proprietary: bool = False,
    chaining: Chaining = Chaining.NONE,
    parse: Callable[[CommandApdu], Any] | None = None,
    parameters: type | None = None,
    secret: bool = False,
) -> Callable[[Handler], Handler]:
    """Makes a function the handler of a command.

    `name` is the command's name in profiles.  `instruction` is None if the profile says it.  `p1` and `p2` are the values
    allowed (None: any).  `parse` turns the data field into the handler's third argument before the access rule is looked at;
    `parameters` is a frozen dataclass of int, str, tuple[int, ...], FileName and Proof that the profile fills, the handler's last
    argument.  With `secret` both data fields are erased when their work is done: no part of them may be kept.
    """

    def describe(handler: Handler) -> Handler:
        handler.description = Description(  # type: ignore[attr-defined]
            name,
            instruction,
            proprietary,
            frozenset((p1,)) if isinstance(p1, int) else p1,
            frozenset((p2,)) if isinstance(p2, int) else p2,
            data,
            chaining,
            parse,
            parameters,
            secret,
        )
        return handler

    return describe


@dataclass(frozen=True, slots=True)
class _Entry:
    """A handler as one profile has it."""

    description: Description
    handler: Handler
    rule: Rule
    parameters: Any


class Dispatcher:
    """The commands of one profile, found by class and instruction."""

    def __init__(self, handlers: Iterable[Handler], profile: Profile) -> None:
        self._in_alarm = profile.alarm_commands
        self._names = {"FileName": [file.name for file in profile.files], "Proof": profile.proofs}
        by_name: dict[str, list[Handler]] = {}
        for handler in handlers:
            by_name.setdefault(handler.description.name, []).append(handler)  # type: ignore[attr-defined]
        self._table: dict[int, tuple[_Entry, ...]] = {}
        for name, entry in profile.commands.items():
            if name not in by_name:
                raise entry.parameters.error(
                    f"the card has no command {name!r}; it can be {entry.parameters.suggest(name, by_name)}"
                )
            self._add(entry, by_name[name])

    def _add(self, command: Command, handlers: list[Handler]) -> None:
        table = command.parameters.copy()
        rule = compile_rule(command.access)
        wanted = next((h.description.parameters for h in handlers if h.description.parameters), None)  # type: ignore[attr-defined]
        told = any(h.description.instruction is None for h in handlers)  # type: ignore[attr-defined]
        instruction: int = table.integer("instruction", 0x02, 0xFE) if told else 0
        parameters = _parameters(wanted, table, self._names) if wanted else None
        table.end()
        for handler in handlers:
            description: Description = handler.description  # type: ignore[attr-defined]
            ins: int = instruction if description.instruction is None else description.instruction
            key = description.proprietary << 8 | ins
            entry = _Entry(description, handler, rule, parameters if description.parameters else None)
            self._table[key] = (*self._table.get(key, ()), entry)

    def chaining(self, apdu: CommandApdu) -> Chaining:
        """How the command may come in parts."""
        entries = self._table.get((apdu.cla & 0x80) << 1 | apdu.ins, ())
        return next((e.description.chaining for e in entries if _matches(e.description, apdu)), Chaining.NONE)

    def dispatch(self, apdu: CommandApdu, card: CardState) -> bytes:
        """The response, data and status word, of a complete plain command.  Raises CardError for every other outcome than success
        or a warning.
        """
        entry = self._find(apdu)
        if not entry.description.secret:
            return _response(self._handle(entry, apdu, card), apdu.ne)
        try:
            answer = self._handle(entry, apdu, card)
            response = _response(answer, apdu.ne)
        finally:
            erase(apdu.data)
        if isinstance(answer, bytes):
            erase(answer)
            card.erase_response = bool(apdu.ne)
        return response

    def _handle(self, entry: _Entry, apdu: CommandApdu, card: CardState) -> bytes | ResponseApdu | None:
        """What the handler returns, if all that stands before its work allows it."""
        description = entry.description
        if card.alarm is not None and description.name not in self._in_alarm:
            raise CardError(SW.NO_DIAGNOSIS, f"the card is in its alarm state: {card.alarm}")
        commands = card.lifecycle.phase.commands
        if commands is not None and description.name not in commands:
            raise CardError(SW.INS_NOT_SUPPORTED, f"{description.name} has no place in phase {card.security_status.phase}")
        if description.data is not Data.OPTIONAL and bool(apdu.data) is not (description.data is Data.REQUIRED):
            raise CardError(SW.WRONG_LENGTH, "command data is missing" if not apdu.data else "this command carries no data")
        arguments: list[Any] = [apdu, card]
        if description.parse is not None:
            try:
                arguments.append(description.parse(apdu))
            except TlvError as error:
                raise CardError(SW.WRONG_DATA, str(error)) from None
        if not evaluate(entry.rule, card.security_status):
            raise CardError(SW.SECURITY_STATUS, f"{description.name} is not allowed now")
        if entry.parameters is not None:
            arguments.append(entry.parameters)
        return entry.handler(*arguments)

    def _find(self, apdu: CommandApdu) -> _Entry:
        proprietary = (apdu.cla & 0x80) << 1
        entries = self._table.get(proprietary | apdu.ins)
        if entries is None:
            if (proprietary ^ 0x100 | apdu.ins) in self._table:
                raise CardError(SW.CLA_NOT_SUPPORTED)
            raise CardError(SW.INS_NOT_SUPPORTED)
        for entry in entries:
            if _matches(entry.description, apdu):
                return entry
        raise CardError(SW.WRONG_P1P2)


def _matches(description: Description, apdu: CommandApdu) -> bool:
    return (description.p1 is None or apdu.p1 in description.p1) and (description.p2 is None or apdu.p2 in description.p2)


def _parameters(wanted: type, table: Table, names: Mapping[str, Collection[str]]) -> Any:
    values: dict[str, Any] = {}
    for field in dataclasses.fields(wanted):
        kind = str(field.type)
        if kind in names:
            values[field.name] = table.text(field.name, choice=names[kind])
        elif kind == "str":
            values[field.name] = table.text(field.name)
        elif kind == "int":
            values[field.name] = table.integer(field.name, 0, 65536)
        else:
            values[field.name] = table.integers(field.name, 0, 0xFF)
    return wanted(**values)


def _response(result: bytes | ResponseApdu | None, ne: int) -> bytes:
    """Data is withheld if none was asked for; handlers have made sure that it fits otherwise."""
    if result is None:
        return b"\x90\x00"
    data, trailer = (result, b"\x90\x00") if isinstance(result, bytes) else (result.data, int(result.sw).to_bytes(2))
    if not ne:
        return trailer
    if len(data) > ne:
        raise AssertionError("a handler returned more than was asked for")
    return data + trailer
