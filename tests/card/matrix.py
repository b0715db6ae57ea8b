# SPDX-License-Identifier: Apache-2.0
"""The rows of the access matrix: every command on every object, with the rules that it meets.

The rules come from the profile's TOML by a reader of its own, which shares nothing with the card's.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

import secmod
from secmod.card import Card
from secmod.card.lifecycle import KeyState
from secmod.crypto import by_name
from secmod.testing import new_card
from tests.card.authority import Chain, Party
from tests.card.sessions import OTHER_PIN, PIN, PUK, import_certificate, key_template, verify
from tests.card.talk import CURVES, SUITES, Terminal, apdu, do

# ---- the profile, read once more ---------------------------------------------------------------------------------------------

PROFILE: dict[str, Any] = tomllib.loads((Path(secmod.__file__).parent / "profiles" / "tr03109_2.toml").read_text("utf-8"))
PHASES = tuple(PROFILE["phases"]["list"])
KINDS = ("none", "T", "S", "U", "S+G")
PROVEN: dict[str, set[str] | None] = {"none": None, "T": {"T"}, "S": {"S"}, "U": {"U"}, "S+G": {"S", "G"}}
TERMINATED = next(letter for letter, phase in PROFILE["phases"]["list"].items() if phase.get("terminated"))


def satisfied(rule: str | None, phase: str, kind: str) -> bool:
    """Whether a rule of the profile, by name, lets this kind of session pass in this phase; no rule lets nobody pass."""
    condition = PROFILE["rule"][rule].get(phase, "never") if rule is not None else "never"
    if condition in ("always", "never"):
        return condition == "always"
    proven = PROVEN[kind]
    return proven is not None and set(condition.split("+")) <= proven


def works_in(command: str, phase: str) -> bool:
    """Whether the phase has the command at all."""
    return command in PROFILE["phases"]["list"][phase].get("commands", [command])


# ---- cells -------------------------------------------------------------------------------------------------------------------


def nothing(card: Card) -> None:
    """The object is as it is."""


@dataclass(frozen=True)
class Cell:
    """One row of the matrix: what is sent, whose rules it meets, and what it may answer once it is allowed.

    `rules` must all be satisfied; `before` is sent first, whatever it answers; `prepare` puts the object into its state.
    """

    name: str
    command: str
    rules: tuple[str | None, ...]
    last: bytes
    good: tuple[str, ...] = ("9000",)
    before: tuple[bytes, ...] = ()
    prepare: Callable[[Card], None] = nothing
    kinds: tuple[str, ...] = KINDS
    harmless: bool = False  # allowed, it changes nothing either


def own_rule(command: str) -> tuple[str, ...]:
    """The rule of the command itself, if it has one."""
    rule = PROFILE["command"][command].get("access")
    return () if rule is None else (rule,)


def by_path(path: str) -> bytes:
    """SELECT from the MF, without an answer."""
    fids = {entry["name"]: entry["fid"] for entry in PROFILE["df"]}
    fids |= {entry["path"].split("/")[1]: entry["fid"] for entry in PROFILE["file"]}
    parts = [part for part in path.split("/") if part != "MF"]
    data = b"".join(fids[part].to_bytes(2, "big") for part in parts)
    return apdu("00A4080C", data) if data else apdu("00A4000C")


def file_cells() -> Iterator[Cell]:
    for entry in PROFILE["df"]:
        path = by_path(entry["name"])
        yield Cell(f"SELECT {entry['name']}", "select", own_rule("select"), path, ("9000", "6285"), harmless=True)
        yield from fixed_file(entry["name"], path)
    for entry in PROFILE["file"]:
        name, path = entry["path"], by_path(entry["path"])
        has_content = "content" in entry
        yield Cell(f"SELECT {name}", "select", own_rule("select"), path, harmless=True)
        good = ("9000",) if has_content else ("9000", "6B00")
        for header, data in (("00B00000", b""), ("00B10000", do(0x54, b"\x00"))):
            read = apdu(header, data, 256)
            rules = (*own_rule("read_binary"), entry.get("read"))
            yield Cell(f"READ BINARY {name}", "read_binary", rules, read, good, (path,), harmless=True)
        rules = (*own_rule("update_binary"), entry.get("update"))
        yield Cell(f"UPDATE BINARY {name}", "update_binary", rules, apdu("00D60000", b"\xa5"), ("9000",), (path,))
        odd = apdu("00D70000", do(0x54, b"\x00") + do(0x53, b"\xa6"))
        yield Cell(f"UPDATE BINARY (odd) {name}", "update_binary", rules, odd, ("9000",), (path,))
        yield from fixed_file(name, path)


def fixed_file(name: str, path: bytes) -> Iterator[Cell]:
    """What is done to a whole file: never."""
    for command, ins in (("activate", 0x44), ("deactivate", 0x04), ("terminate", 0xE8), ("delete", 0xE4)):
        if command != "terminate" or "/" in name:  # which is for elementary files
            yield Cell(f"{command.upper()} {name}", command, (None,), bytes([0, ins, 0, 0]), before=(path,))


def data_object_cells() -> Iterator[Cell]:
    codes = {letter: phase["code"] for letter, phase in PROFILE["phases"]["list"].items()}
    for entry in PROFILE["data_object"]:
        tag = f"{entry['tag']:04X}"
        yield Cell(f"GET DATA {tag}", "get_data", (entry.get("read"),), apdu(f"00CA{tag}", b"", 65536), harmless=True)
        value = bytes([codes["I"]])  # no step leads back to the beginning
        yield Cell(f"PUT DATA {tag}", "put_data", (entry.get("write"),), apdu(f"00DA{tag}", value), ("6985",), harmless=True)


def password_cells() -> Iterator[Cell]:
    for entry in PROFILE["password"]:
        name, reference = entry["name"], entry["reference"]
        new = OTHER_PIN if entry["min"] <= len(OTHER_PIN) else PUK[::-1]
        select = apdu("0022C1A4", do(0x80, SUITES[0].oid) + do(0x83, bytes([reference])))
        counted = ("9000", *(f"63C{left:X}" for left in range(16)))
        pace = (*own_rule("manage_security_environment"), entry.get("pace"))
        yield Cell(
            f"PACE {name}", "manage_security_environment", pace, select, (*counted, "6984"), kinds=("none",), harmless=True
        )
        change, reset = entry.get("change"), entry.get("reset")
        yield Cell(f"CHANGE {name}", "change_reference_data", (change,), apdu(f"002401{reference:02X}", new.encode()))
        old = (PIN if reference == 3 else PUK).encode()
        both = ("9000", "6984", "6985", *counted)
        yield Cell(
            f"CHANGE old {name}", "change_reference_data", (change,), apdu(f"002400{reference:02X}", old + new.encode()), both
        )
        yield Cell(f"RESET new {name}", "reset_retry_counter", (reset,), apdu(f"002C02{reference:02X}", new.encode()))
        yield Cell(f"RESET {name}", "reset_retry_counter", (reset,), apdu(f"002C03{reference:02X}"))
        status = (*counted, "6983", "6984")
        yield Cell(f"VERIFY {name}", "verify", (entry.get("query"),), apdu(f"002000{reference:02X}"), status, harmless=True)
        yield Cell(f"VERIFY with data {name}", "verify", (None,), apdu(f"002000{reference:02X}", old))
        for command, ins in (("activate", 0x44), ("deactivate", 0x04), ("terminate", 0xE8), ("delete", 0xE4)):
            yield Cell(f"{command.upper()} {name}", command, (None,), bytes([0, ins, 0x10, reference]))


STATES = {
    "empty": KeyState.EMPTY,
    "deactivated": KeyState.DEACTIVATED,
    "active": KeyState.ACTIVE,
    "terminated": KeyState.TERMINATED,
}
PARTNER = CURVES["brainpoolP256r1"].public(11)


def into_state(reference: int, state: str) -> Callable[[Card], None]:
    """The place holds a key of brainpoolP256r1 in this state, or none."""

    def prepare(card: Card) -> None:
        content = card._state.tree.private_keys[reference]._content
        if state == "empty":
            content.clear()
            return
        if content.secret is None:
            secret = card._state.vault.generate(by_name("brainpoolP256r1"))
            content.replace(secret, STATES[state], card._state.security_status.phase)
        content.state = STATES[state]

    return prepare


def private_key_cells() -> Iterator[Cell]:
    algorithms = PROFILE["algorithm"]
    for entry in PROFILE["private_key"]:
        for state in STATES:
            yield from _life_of_private_key(entry, state)
            for name in entry["algorithms"]:
                yield _use_of_private_key(entry, state, algorithms[name])


def _life_of_private_key(entry: dict[str, Any], state: str) -> Iterator[Cell]:
    reference, rules = entry["reference"], PROFILE["key_rules"][entry["rules"]]
    prepare = into_state(reference, state)

    def cell(what: str, command: str, rule: str, last: bytes, good: tuple[str, ...], *, harmless: bool = False) -> Cell:
        access = (*own_rule(command), rules.get(rule, {}).get("access"))
        return Cell(f"{what} {entry['name']} {state}", command, access, last, good, (), prepare, harmless=harmless)

    for p1 in (0x80, 0x84, 0xC0, 0xC4):
        fresh_only = p1 in (0x80, 0x84)
        possible = state in rules["generate"]["states"] and not (fresh_only and state != "empty")
        command = apdu(f"0046{p1:02X}{reference:02X}", b"", 0 if p1 & 4 else 256)
        yield cell(
            f"GENERATE {p1:02X}", "generate_asymmetric_key_pair", "generate", command, ("9000",) if possible else ("6985",)
        )
    good = ("6400",) if state == "empty" else ("9000",)
    command = apdu(f"004681{reference:02X}", b"", 256)
    yield cell("GENERATE 81", "generate_asymmetric_key_pair", "read_public", command, good, harmless=True)
    changeable = ("9000",) if state in ("active", "deactivated") else ("6400", "6985")
    yield cell("ACTIVATE", "activate", "activate", apdu(f"004420{reference:02X}"), changeable)
    yield cell("DEACTIVATE", "deactivate", "deactivate", apdu(f"000420{reference:02X}"), changeable)
    terminable = ("6400", "6985") if state == "empty" else ("9000",)
    yield cell("TERMINATE", "terminate", "terminate", apdu(f"00E820{reference:02X}"), terminable)
    deletable = ("9000",) if state in rules["delete"]["states"] else ("6985",)
    yield cell("DELETE", "delete", "delete", apdu(f"00E420{reference:02X}"), deletable)


def _use_of_private_key(entry: dict[str, Any], state: str, algorithm: dict[str, Any]) -> Cell:
    reference, rules = entry["reference"], PROFILE["key_rules"][entry["rules"]]
    template = do(0x84, bytes([reference])) + do(0x80, bytes([algorithm["reference"]]))
    good = {"empty": ("6400",), "terminated": ("6984",)}.get(state, ("9000",))
    if algorithm["use"] == "sign":
        rule = "sign_deactivated" if state == "deactivated" else "sign_active"
        select, what, command = apdu("002241B6", template), "CDS", "compute_digital_signature"
        last = apdu("002A9E9A", bytes(range(32)), 256)
    else:
        rule = "agree_deactivated" if state == "deactivated" else "agree_active"
        select, what, command = apdu("002241A6", template), "ECKA", "general_authenticate"
        last = apdu("00860000", do(0x7C, do(0x85, PARTNER)), 256)
    access = (*own_rule(command), rules.get(rule, {}).get("access"))
    name = f"{what} {algorithm['reference']:02X} {entry['name']} {state}"
    return Cell(name, command, access, last, good, (select,), into_state(reference, state))


CHAIN = Chain()
PARTNERS_KEY = Party("Example.EMT")
HASH = bytes(range(32))


@cache
def certificates() -> dict[int, tuple[int | None, bytes]]:
    """For each place a certificate that belongs there, and its verifier."""
    tls, signing, encryption = CHAIN.administrator_certificates
    other = CHAIN.issue(PARTNERS_KEY, CHAIN.sub, "SIG")
    link = CHAIN.issue(Party("SM-Test-Root.CA", number=2), CHAIN.root, "ROOT")
    found: dict[int, tuple[int | None, bytes]] = {
        0xC0: (None, CHAIN.root_certificate),
        0xC1: (0xC0, link),
        0xC2: (0xC0, CHAIN.sub_certificate),
        0xC3: (0xC0, CHAIN.issue(Party("Other.CA"), CHAIN.root, "SUB")),
        0xC4: (0xC2, tls),
        0xC5: (0xC2, signing),
        0xC6: (0xC2, encryption),
    }
    return found | dict.fromkeys(range(200, 208), (194, other))


def without(reference: int) -> Callable[[Card], None]:
    def prepare(card: Card) -> None:
        card._state.tree.public_keys[reference].wipe()

    return prepare


def public_key_cells() -> Iterator[Cell]:
    for entry in PROFILE["public_key"]:
        name, reference = entry["name"], entry["reference"]
        octet = bytes([reference])
        verifier, certificate = certificates()[reference]
        importing = (*own_rule("verify_certificate"), entry.get("import"))
        select = apdu("002281B6", do(0x83, bytes([verifier or 0xC0])))
        last = apdu("002A00BE", do(0xB6, do(0x83, octet)) + certificate)
        good = ("9000", "6A80") if verifier is None else ("9000",)  # a root signs itself in some phases only
        yield Cell(f"IMPORT {name}", "verify_certificate", importing, last, good, (select,))
        verifying = (*own_rule("verify_digital_signature"), entry.get("verify"))
        question = apdu("002A00A8", do(0x90, HASH) + do(0x9E, b"\x01" * 64))
        use = apdu("002281B6", do(0x83, octet))
        for what, prepare, answer in (("", nothing, ("6A80",)), (" empty", without(reference), ("6400",))):
            yield Cell(
                f"VDS {name}{what}", "verify_digital_signature", verifying, question, answer, (use,), prepare, harmless=True
            )
        challenge, select = apdu("00840000", b"", 16), apdu("002281A4", do(0x83, octet))
        if "external_authenticate" in entry:
            rules = (*own_rule("external_authenticate"), entry["external_authenticate"])
            last = apdu("00820000", b"\x01" * 64)
            yield Cell(f"EXTERNAL AUTHENTICATE {name}", "external_authenticate", rules, last, ("6300",), (select, challenge))
        last = apdu("00E42100", do(0x83, octet))
        rules = (*own_rule("delete"), entry.get("delete"))
        yield Cell(f"DELETE {name}", "delete", rules, last)
        yield Cell(f"DELETE {name} empty", "delete", rules, last, prepare=without(reference))


def module_cells() -> Iterator[Cell]:
    def cell(name: str, command: str, last: bytes | str, good: tuple[str, ...] = ("9000",), *, harmless: bool = True) -> Cell:
        octets = bytes.fromhex(last) if isinstance(last, str) else last
        return Cell(name, command, own_rule(command), octets, good, harmless=harmless)

    yield cell("GET CHALLENGE", "get_challenge", "0084000010")
    yield cell("GET RANDOM", "get_random", "8084000010")
    yield cell("MSE SET signing", "manage_security_environment", "002241B606840181800100")
    yield cell("MSE SET verifying", "manage_security_environment", "002281B6038301C0")
    yield cell("MSE SET agreement", "manage_security_environment", "002241A60684019180010B")
    yield cell("MSE SET authentication", "manage_security_environment", "002281A4068301C5800100")
    yield cell("MSE RESTORE", "manage_security_environment", "0022F301", harmless=False)
    key = key_template("brainpoolP256r1")[3:] + do(0x9C, do(0x7F49, do(0x86, PARTNERS_KEY.point)))
    question = apdu("002A00A8", key + do(0x90, HASH) + do(0x9E, sign_hash()))
    yield cell("VDS with key", "verify_digital_signature", question)
    yield cell("self-test", "self_test", "80F80000")
    yield cell("TERMINATE CARD USAGE", "terminate_card_usage", "00FE0000", harmless=False)


def sign_hash() -> bytes:
    r, s = utils.decode_dss_signature(PARTNERS_KEY.key.sign(HASH, ec.ECDSA(utils.Prehashed(hashes.SHA256()))))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@cache
def cells() -> tuple[Cell, ...]:
    made = (file_cells, data_object_cells, password_cells, private_key_cells, public_key_cells, module_cells)
    return tuple(cell for make in made for cell in make())


# ---- public keys, imported once ----------------------------------------------------------------------------------------------

Contents = dict[int, tuple[Any, ...]]


@cache
def imported() -> Contents:
    """What the places of public keys hold once every certificate has been imported."""
    talk = Terminal(new_card(phase="V"))
    talk.pace()
    for reference, (verifier, certificate) in certificates().items():
        if verifier is None:
            assert import_certificate(talk, reference, certificate).sw == "9000"
        else:
            assert verify(talk, verifier, reference, certificate) == "9000"
    return contents(talk.card)


def contents(card: Any) -> Contents:
    places = {reference: key._content for reference, key in card._state.tree.public_keys.items()}
    return {reference: tuple(getattr(place, slot) for slot in type(place).__slots__) for reference, place in places.items()}


def fill(card: Any, wanted: Contents) -> None:
    """The places of public keys hold what they held."""
    for reference, values in wanted.items():
        place = card._state.tree.public_keys[reference]._content
        for slot, value in zip(type(place).__slots__, values, strict=True):
            setattr(place, slot, value)
