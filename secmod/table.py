# SPDX-License-Identifier: Apache-2.0
"""A TOML table that is read to its last key: what is missing, of a wrong type or not known is an error that names its place."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from secmod.errors import ProfileError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from secmod.errors import SecmodError

_REQUIRED: Any = object()

_KINDS = {str: "text", int: "a whole number", bool: "true or false", list: "a list", dict: "a table"}


class Table:
    """One table of a file; `place` names it in messages, as in "tr03109_2.toml: [[file]] MF/EF.ATR".

    Whatever is wrong with it is raised as an `error_type`.
    """

    def __init__(self, values: Mapping[str, Any], place: str, error_type: type[SecmodError] = ProfileError) -> None:
        self._values = dict(values)
        self._known: list[str] = []
        self._error_type = error_type
        self.place = place

    def error(self, text: str) -> SecmodError:
        """An error at this place, to be raised by the caller."""
        return self._error_type(f"{self.place}: {text}")

    def _take(self, key: str, kind: type, default: Any) -> Any:
        self._known.append(key)
        if key not in self._values:
            if default is _REQUIRED:
                close = difflib.get_close_matches(key, self._values, 1)
                hint = f" (there is {close[0]!r}: a typing error?)" if close else ""
                raise self.error(f"{key!r} is missing{hint}")
            return default
        value = self._values.pop(key)
        if type(value) is not kind:
            raise self.error(f"{key!r} must be {_KINDS[kind]}, not {value!r}")
        return value

    def text(self, key: str, default: Any = _REQUIRED, choice: Collection[str] | None = None) -> Any:
        """Text; one of `choice` if that is given."""
        value = self._take(key, str, default)
        if choice is not None and value is not default and value not in choice:
            raise self.error(f"{key} = {value!r} is not known; it can be {self.suggest(value, choice)}")
        return value

    def integer(self, key: str, low: int, high: int, default: Any = _REQUIRED) -> Any:
        """A whole number from `low` to `high`."""
        value = self._take(key, int, default)
        if value is not default and not low <= value <= high:
            raise self.error(f"{key} = {value:#x} is outside {low:#x}..{high:#x}")
        return value

    def number(self, key: str, low: float, high: float, default: Any = _REQUIRED) -> Any:
        """A number from `low` to `high`, whole or not."""
        value = self.raw(key, default)
        if value is default:
            return value
        if type(value) not in {int, float}:
            raise self.error(f"{key!r} must be a number, not {value!r}")
        if not low <= value <= high:
            raise self.error(f"{key} = {value} is outside {low:g}..{high:g}")
        return float(value)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """true or false."""
        return bool(self._take(key, bool, default))

    def octets(self, key: str, low: int, high: int, default: Any = _REQUIRED) -> Any:
        """Hexadecimal text, white space ignored, of `low` to `high` bytes."""
        value = self._take(key, str, default)
        if value is default:
            return value
        octets = self.parse_octets(key, value)
        if not low <= len(octets) <= high:
            raise self.error(f"{key!r} has {len(octets)} bytes; it must have {low} to {high}")
        return octets

    def parse_octets(self, key: str, value: str) -> bytes:
        """Hexadecimal text, white space ignored."""
        try:
            return bytes.fromhex("".join(value.split()))
        except ValueError:
            raise self.error(f"{key!r} is no hexadecimal text: {value!r}") from None

    def names(self, key: str, choice: Collection[str], *, optional: bool = False) -> tuple[str, ...]:
        """A list of texts out of `choice`."""
        values = self._take(key, list, [] if optional else _REQUIRED)
        for value in values:
            if value not in choice:
                raise self.error(f"{key}: {value!r} is not known; it can be {self.suggest(str(value), choice)}")
        return tuple(values)

    def integers(self, key: str, low: int, high: int, *, optional: bool = False) -> tuple[int, ...]:
        """A list of whole numbers from `low` to `high`."""
        values = self._take(key, list, [] if optional else _REQUIRED)
        for value in values:
            if type(value) is not int or not low <= value <= high:
                raise self.error(f"{key}: {value!r} is not a whole number in {low:#x}..{high:#x}")
        return tuple(values)

    def raw(self, key: str, default: Any = _REQUIRED) -> Any:
        """A value of any type, for the caller to tell apart."""
        self._known.append(key)
        if key not in self._values and default is _REQUIRED:
            raise self.error(f"{key!r} is missing")
        return self._values.pop(key, default)

    def table(self, key: str, *, optional: bool = False) -> Table:
        """A table inside this one."""
        return Table(self._take(key, dict, {} if optional else _REQUIRED), f"{self.place}: [{key}]", self._error_type)

    def tables(self, key: str, label: str) -> Iterator[Table]:
        """The entries of an array of tables, each placed by the value of its key `label`."""
        for index, entry in enumerate(self._take(key, list, [])):
            if type(entry) is not dict:
                raise self.error(f"[[{key}]] entry {index + 1} must be a table, not {entry!r}")
            name = entry.get(label, index + 1)
            name = f"{name:04X}" if label == "tag" and type(name) is int else name
            yield Table(entry, f"{self.place}: [[{key}]] {name}", self._error_type)

    def copy(self) -> Table:
        """The same table, unread."""
        return Table(self._values, self.place, self._error_type)

    def peek(self, key: str) -> list[str]:
        """The names in the table under `key`, which stays unread."""
        value = self._values.get(key)
        return list(value) if isinstance(value, dict) else []

    def unread(self) -> list[str]:
        """The names not read yet."""
        return list(self._values)

    def end(self) -> None:
        """All that could be read has been read: anything left is not known."""
        for key in self._values:
            raise self.error(f"{key!r} is not known here; it can be {self.suggest(key, self._known)}")

    @staticmethod
    def suggest(value: str, choice: Collection[str]) -> str:
        """The nearest of `choice`, or all of them."""
        close = difflib.get_close_matches(value, choice, 1)
        return f"{close[0]!r} (a typing error?)" if close else ", ".join(map(repr, sorted(choice)))
