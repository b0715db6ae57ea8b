# SPDX-License-Identifier: Apache-2.0
"""Scenarios are data: this plays one, step by step, over any transport.

A scenario is a TOML file:

    profile = "tr03109_2"                           the card, by name or file; `phase` prepares it as secmod.testing.new_card does

    [[step]]
    task = "sign"                                   a method of SecurityModule, with its arguments
    with = { key = "PrK.WAN.SIG.A", digest = "$request" }
    save = "signature"                              its result, for later steps: "$signature", "$key.public"

    [[step]]
    task = "select"
    sw = "6A82"                                     a refusal with this status word; with a list, the step is done once for each
    raises = "FileNotFoundOnCardError"              an error by its class

    [[step]]
    get = "in_session"                              a property of SecurityModule
    is = true                                       what the result must be

    [[step]]
    apdu = "00 CA DF 21 01"                         a raw command, protected in a session; "{name}" stands for saved bytes
    data = "01"
    sw = "9000"

    [[step]]
    outside = "certificate"                         what somebody else does: a method of tests.scenarios.outside.Outside

An argument's bytes are written { text = "EPPC0212345678" } or { hex = "0A 0B" }.  `why` says in words what a step is about; a
failing step is told with it, and with the dialogue.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from secmod.apdu import SW
from secmod.card import Card
from secmod.emulator import build_card
from secmod.errors import SecmodError
from secmod.host import SecurityModule
from secmod.profile import load_profile
from secmod.store import ModuleStore
from secmod.testing import PASSWORDS
from secmod.transport.base import Transport
from tests.scenarios.outside import Outside

FOLDER: Final = Path(__file__).parent
SCENARIOS: Final = sorted(path.stem for path in FOLDER.glob("*.toml"))
_KINDS: Final = ("task", "get", "apdu", "outside")
_WORDS: Final = {*_KINDS, "why", "with", "save", "is", "data", "sw", "raises"}
_LAST_LINES: Final = 12  # of the dialogue of a failing step


class Noted:
    """A transport, and what went through it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.lines: list[str] = []

    @property
    def atr(self) -> bytes:
        return self._transport.atr

    @property
    def protocol(self) -> str:
        return self._transport.protocol

    @property
    def name(self) -> str:
        return self._transport.name

    def transmit(self, command: bytes) -> bytes:
        self.lines.append(f"> {command.hex().upper()}")
        response = self._transport.transmit(command)
        self.lines.append(f"< {response.hex().upper()}")
        return response

    def reset(self) -> None:
        self.lines.append("reset")
        self._transport.reset()

    def close(self) -> None:
        self._transport.close()


class Scenario:
    """A scenario, read and checked."""

    def __init__(self, name: str) -> None:
        values = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
        self.profile: str = values.pop("profile")
        if self.profile.endswith(".toml"):
            self.profile = str(FOLDER / self.profile)
        self.phase: str | None = values.pop("phase", None)
        self.steps: list[dict[str, Any]] = values.pop("step")
        assert not values, f"{name}: {', '.join(values)} is not known"
        for step in self.steps:
            assert set(step) <= _WORDS, f"{name}: {set(step) - _WORDS} is not known in {step}"
            assert len([kind for kind in _KINDS if kind in step]) == 1, f"{name}: {step} is not of one kind"

    def card(self, protocol: str = "T1", store: ModuleStore | None = None) -> Card:
        """A card without power that the scenario can begin with."""
        card = build_card(self.profile, protocol, store=store)
        if self.phase is not None:
            card.prepare(self.phase, {name: value.encode() for name, value in PASSWORDS.items()})
        return card

    def play(self, transport: Transport) -> None:
        """Every step has had the outcome it must have."""
        noted = Noted(transport)
        with SecurityModule(noted, load_profile(self.profile)) as module:
            player = _Player(module)
            for number, step in enumerate(self.steps, 1):
                del noted.lines[:]
                try:
                    player.do(step)
                except BaseException as error:
                    error.add_note(f"step {number}: {step.get('why', '')} {step}")
                    error.add_note("\n".join(noted.lines[-_LAST_LINES:]))
                    raise


class _Player:
    def __init__(self, module: SecurityModule) -> None:
        self.module = module
        self.outside = Outside()
        self.saved: dict[str, Any] = {}

    def do(self, step: dict[str, Any]) -> None:
        """One step, as often as it has status words."""
        words = step.get("sw")
        for sw in words if isinstance(words, list) else [words]:
            if "raises" in step or (sw is not None and "apdu" not in step):
                self._refused(step, sw)
            else:
                self._done(step, sw)

    def _done(self, step: dict[str, Any], sw: str | None) -> None:
        result = self._call(step)
        if "apdu" in step:
            data, got = result[:-2], SW(int.from_bytes(result[-2:]))
            assert str(got) == (sw or "9000"), got.meaning
            if "data" in step:
                assert data == self._bytes(step["data"])
            result = data
        if "is" in step:
            assert result == self._value(step["is"])
        if "save" in step:
            self.saved[step["save"]] = result

    def _refused(self, step: dict[str, Any], sw: str | None) -> None:
        try:
            result = self._call(step)
        except SecmodError as error:
            refusal = error
        else:
            raise AssertionError(f"this should have been refused, and gave {result!r}")
        assert step.get("raises", type(refusal).__name__) == type(refusal).__name__, refusal
        assert sw is None or getattr(refusal, "sw", None) == int(sw, 16), refusal

    def _call(self, step: dict[str, Any]) -> Any:
        if "apdu" in step:
            return self.module.transmit(self._bytes(step["apdu"]))
        if "get" in step:
            return getattr(self.module, step["get"])
        owner: object = self.outside if "outside" in step else self.module
        method = getattr(owner, step.get("task") or step["outside"])
        return method(**{name: self._value(value) for name, value in step.get("with", {}).items()})

    def _value(self, value: Any) -> Any:
        match value:
            case str() if value.startswith("$"):
                name, *attributes = value[1:].split(".")
                found = self.saved[name]
                for attribute in attributes:
                    found = getattr(found, attribute)
                return found
            case {"text": str(text)}:
                return text.encode()
            case {"hex": str(digits)}:
                return self._bytes(digits)
            case _:
                return value

    def _bytes(self, text: str) -> bytes:
        return bytes.fromhex(re.sub(r"\{([\w.]+)\}", lambda found: self._value(f"${found[1]}").hex(), text))


__all__ = ["SCENARIOS", "Scenario"]
