# SPDX-License-Identifier: Apache-2.0
"""Reads a profile from TOML: by name from secmod/profiles/, or from a file of the user's."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from secmod.errors import ProfileError
from secmod.profile import model
from secmod.table import Table

_DIRECTORY = Path(__file__).resolve().parent.parent / "profiles"

# By which key an entry of an array of tables is known, so that a profile can amend one it extends.
_IDENTITY = {
    "df": "name",
    "file": "path",
    "data_object": "tag",
    "private_key": "name",
    "public_key": "name",
    "password": "name",
    "pace": "name",
}


def profile_names() -> list[str]:
    """The profiles that come with secmod."""
    return sorted(path.stem for path in _DIRECTORY.glob("*.toml"))


def load_profile(name: str | Path) -> model.Profile:
    """The profile of this name, or in this file.

    Raises ProfileError if there is none, or for the first mistake in it, naming file, place and what could be meant.
    """
    path = _find(str(name))
    return _load(path, path.stat().st_mtime_ns)


@cache
def _load(path: Path, _changed: int) -> model.Profile:
    return _Reader(Table(_merged(path, ()), path.name)).profile()


def _find(name: str) -> Path:
    if name in profile_names():
        return _DIRECTORY / f"{name}.toml"
    path = Path(name)
    if path.suffix == ".toml" and path.is_file():
        return path.resolve()
    if path.suffix == ".toml":
        raise ProfileError(f"there is no profile file {name!r}; check the path, or name one of {', '.join(profile_names())}")
    raise ProfileError(
        f"there is no profile {name!r}; it can be {Table.suggest(name, profile_names())}, or the path of a .toml file"
    )


def _merged(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            values = tomllib.load(file)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ProfileError(f"{path.name}: not TOML: {error}") from None
    except OSError as error:
        raise ProfileError(f"{path}: can not be read: {error.strerror}") from None
    base = values.pop("extends", None)
    if base is None:
        return values
    if not isinstance(base, str):
        raise ProfileError(f"{path.name}: 'extends' must be text, not {base!r}")
    below = path.parent / base if base.endswith(".toml") else _find(base)
    if below in (path, *above):
        raise ProfileError(f"{path.name}: extends itself by way of {base!r}")
    return _amend(_merged(below, (path, *above)), values, path.name)


def _amend(base: dict[str, Any], change: dict[str, Any], place: str) -> dict[str, Any]:
    """`base` with the values of `change`: tables key by key, arrays of tables entry by entry."""
    result = dict(base)
    for key, value in change.items():
        old = result.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            result[key] = _amend(old, value, place)
        elif key in _IDENTITY and isinstance(old, list) and isinstance(value, list):
            entries = {entry.get(_IDENTITY[key]): entry for entry in old}
            for entry in value:
                if not isinstance(entry, dict):
                    raise ProfileError(f"{place}: [[{key}]] holds {entry!r}, which is no table")
                identity = entry.get(_IDENTITY[key])
                entries[identity] = _amend(entries.get(identity, {}), entry, place)
            result[key] = list(entries.values())
        else:
            result[key] = value
    return result


class _Reader:
    """Reads one merged profile; methods in the order of the file."""

    def __init__(self, root: Table) -> None:
        self._root = root
        self._phases: dict[str, model.Phase] = {}
        self._proofs: frozenset[str] = frozenset()
        self._rules: dict[str, model.Rule] = {}
        self._every_access: model.Rule | None = None

    def profile(self) -> model.Profile:
        root = self._root
        head = root.table("profile")
        name, version, base = head.text("name"), head.text("version"), head.text("base", "")
        head.end()
        transport = self._transport(root.table("transport"))
        initial = self._read_phases(root.table("phases"), tuple(root.peek("command")))
        alarm = root.table("alarm", optional=True)
        alarm_commands = alarm.names("commands", root.peek("command"), optional=True)
        alarm.end()
        self._read_access(root.table("access", optional=True), root.table("rule", optional=True))
        key_rules = self._key_rules(root.table("key_rules", optional=True))
        commands = self._commands(root.table("command"))
        algorithms = self._algorithms(root.table("algorithm", optional=True))
        secure_messaging = self._secure_messaging(root.table("secure_messaging", optional=True))
        directories = self._directories()
        private_keys = self._private_keys(key_rules, algorithms)
        public_keys = self._public_keys()
        result = model.Profile(
            name=name,
            version=version,
            base=base,
            transport=transport,
            phases=self._phases,
            initial_phase=initial,
            alarm_commands=alarm_commands,
            proofs=self._proofs,
            commands=commands,
            algorithms=algorithms,
            pace=self._pace(),
            secure_messaging=secure_messaging,
            passwords=self._passwords(),
            directories=directories,
            files=self._files(directories),
            data_objects=self._data_objects(),
            private_keys=private_keys,
            public_keys=public_keys,
            transitions=self._transitions([*(key.name for key in private_keys), *(key.name for key in public_keys)]),
        )
        root.end()
        self._unique("reference", result.private_keys, result.public_keys)
        self._unique("reference", result.passwords)
        return result

    def _unique(self, field: str, *groups: tuple[Any, ...]) -> None:
        seen: dict[int, str] = {}
        for entry in (entry for group in groups for entry in group):
            value = getattr(entry, field)
            if value in seen:
                raise self._root.error(f"{seen[value]} and {entry.name} have the same {field} {value:#04x}")
            seen[value] = entry.name

    def _transport(self, table: Table) -> model.Transport:
        atr_table = table.table("atr")
        atrs: dict[str, bytes] = {}
        for protocol in ("T0", "T1"):
            if (atr := atr_table.octets(protocol, 2, 33, None)) is not None:
                atrs[protocol] = atr
        atr_table.end()
        for protocol, atr in atrs.items():
            if (mistake := _atr_mistake(atr, protocol)) is not None:
                raise atr_table.error(f"{protocol}: {mistake}")
        if not atrs:
            raise atr_table.error("no ATR is given")
        result = model.Transport(
            protocol=table.text("protocol", choice=tuple(atrs)),
            atrs=atrs,
            max_command=table.integer("max_command", 261, 65544),
            max_response=table.integer("max_response", 256, 65536),
            extended_length=table.flag("extended_length"),
        )
        table.end()
        return result

    def _read_phases(self, table: Table, commands: tuple[str, ...]) -> str:
        phases = table.table("list")
        for letter in phases.unread():
            entry = phases.table(letter)
            limited = "commands" in entry.unread()
            allowed = entry.names("commands", commands, optional=True)
            self._phases[letter] = model.Phase(
                letter,
                entry.integer("code", 0, 0xFF),
                entry.text("name"),
                allowed if limited else None,
                entry.flag("terminated"),
            )
            entry.end()
        initial: str = table.text("initial", choice=self._phases)
        table.end()
        return initial

    def _read_access(self, access: Table, rules: Table) -> None:
        proofs = access.raw("proofs", [])
        if not isinstance(proofs, list) or not all(isinstance(proof, str) and "+" not in proof for proof in proofs):
            raise access.error(f"'proofs' must be a list of names, not {proofs!r}")
        self._proofs = frozenset(proofs)
        every = access.text("every_access", None)
        if every is not None:
            self._every_access = model.Rule(dict.fromkeys(self._phases, self._condition(access, "every_access", every)))
        access.end()
        for name in rules.unread():
            self._rules[name] = self._conditions(rules.table(name))

    def _condition(self, table: Table, key: str, text: str) -> str:
        if text not in (model.ALWAYS, model.NEVER):
            for proof in text.split("+"):
                if proof not in self._proofs:
                    choice = (model.ALWAYS, model.NEVER, *self._proofs)
                    raise table.error(f"{key} = {text!r}: {proof!r} is not known; it can be {table.suggest(proof, choice)}")
        return text

    def _conditions(self, table: Table) -> model.Rule:
        conditions = {}
        for phase in self._phases:
            if (text := table.text(phase, None)) is not None:
                conditions[phase] = self._condition(table, phase, text)
        table.end()
        return model.Rule(conditions)

    def _rule(self, table: Table, key: str, *, optional: bool = False) -> model.Rule:
        """A rule by name, or written out; what `every_access` says counts more."""
        if key not in table.unread():
            if not optional:
                table.text(key)
            table.raw(key, None)
            return self._every_access or model.Rule({})
        value = table.raw(key)
        if isinstance(value, dict):
            rule = self._conditions(Table(value, f"{table.place}: {key}"))
        elif isinstance(value, str) and value in self._rules:
            rule = self._rules[value]
        else:
            raise table.error(f"{key} = {value!r} is no rule; it can be {table.suggest(str(value), self._rules)}")
        return self._every_access or rule

    def _key_rules(self, sets: Table) -> dict[str, dict[str, model.KeyRule]]:
        result: dict[str, dict[str, model.KeyRule]] = {}
        for name in sets.unread():
            rules = sets.table(name)
            result[name] = {}
            for operation in model.KEY_OPERATIONS:
                if operation not in rules.unread():
                    rules.raw(operation, None)
                    result[name][operation] = model.KeyRule(self._every_access or model.Rule({}), None)
                    continue
                entry = rules.table(operation)
                states = frozenset(entry.names("states", model.KEY_STATES)) if "states" in entry.unread() else None
                result[name][operation] = model.KeyRule(self._rule(entry, "access"), states)
                entry.end()
            rules.end()
        return result

    def _commands(self, commands: Table) -> dict[str, model.Command]:
        result: dict[str, model.Command] = {}
        for name in commands.unread():
            table = commands.table(name)
            always = model.Rule(dict.fromkeys(self._phases, model.ALWAYS))
            access = self._rule(table, "access") if "access" in table.unread() else always
            result[name] = model.Command(name, access, table)
        return result

    def _algorithms(self, algorithms: Table) -> dict[str, model.Algorithm]:
        result: dict[str, model.Algorithm] = {}
        for name in algorithms.unread():
            table = algorithms.table(name)
            oids = table.table("oids")
            result[name] = model.Algorithm(
                name=name,
                use=table.text("use", choice=("sign", "agree")),
                reference=table.integer("reference", 0, 0xFF),
                oids={oids.parse_octets("oids", oid): oids.integer(oid, 0, 64) for oid in oids.unread()},
            )
            table.end()
        return result

    def _directories(self) -> tuple[model.Directory, ...]:
        result: list[model.Directory] = []
        for table in self._root.tables("df", "name"):
            names = [directory.name for directory in result]
            parent = table.text("parent", None, names)
            if (parent is None) != (not result):
                raise table.error("the first DF is the MF and has no 'parent'; every other one has")
            result.append(
                model.Directory(
                    name=table.text("name"),
                    parent=parent,
                    fid=table.integer("fid", 0x0001, 0xFFFE),
                    aid=table.octets("aid", 5, 16),
                    application=table.flag("application"),
                    state=table.text("state", "active", model.FILE_STATES),
                )
            )
            table.end()
        if not result:
            raise self._root.error("there is no [[df]]: a card has at least the MF")
        return tuple(result)

    def _files(self, directories: tuple[model.Directory, ...]) -> tuple[model.File, ...]:
        names = [directory.name for directory in directories]
        taken: dict[tuple[str | None, str, int], str] = {
            (directory.parent, "fid", directory.fid): directory.name for directory in directories
        }
        result: list[model.File] = []
        for table in self._root.tables("file", "path"):
            directory, slash, name = table.text("path").partition("/")
            if not slash or directory not in names:
                raise table.error(f"'path' must be DF/NAME, with DF one of {', '.join(names)}")
            size = table.integer("size", 0, 65536)
            file = model.File(
                name=name,
                directory=directory,
                fid=table.integer("fid", 0x0001, 0xFFFE),
                sfi=table.integer("sfi", 1, 30, None),
                size=size,
                content=table.octets("content", 0, size, b""),
                rules={mode: self._rule(table, mode, optional=True) for mode in ("read", "update")},
                state=table.text("state", "active", model.FILE_STATES),
                deterministic_flag=table.integer("deterministic_flag", 0, max(size - 1, 0), None),
            )
            table.end()
            if file.deterministic_flag is not None and file.deterministic_flag >= len(file.content):
                raise table.error(f"'deterministic_flag' = {file.deterministic_flag} is outside the content")
            for kind, value in (("fid", file.fid), ("sfi", file.sfi)):
                if value is not None and (other := taken.setdefault((directory, kind, value), name)) != name:
                    raise table.error(f"{kind} {value:#06x} is taken by {other}")
            result.append(file)
        return tuple(result)

    def _data_objects(self) -> tuple[model.DataObject, ...]:
        result = []
        for table in self._root.tables("data_object", "tag"):
            result.append(
                model.DataObject(
                    tag=table.integer("tag", 0x40, 0xFFFF),
                    content=table.text("content", choice=model.DATA_CONTENTS),
                    read=self._rule(table, "read"),
                    write=self._rule(table, "write", optional=True),
                )
            )
            table.end()
        return tuple(result)

    def _secure_messaging(self, table: Table) -> model.SecureMessaging:
        result = model.SecureMessaging(
            allow_plain_data_object=table.flag("allow_plain_data_object"), max_age=table.integer("max_age", 0, 0xFFFFFFFF, 0)
        )
        table.end()
        return result

    def _pace(self) -> tuple[model.PaceSuite, ...]:
        result = []
        for table in self._root.tables("pace", "name"):
            suite = model.PaceSuite(
                oid=table.octets("oid", 1, 16),
                name=table.text("name"),
                curve=table.text("curve"),
                domain=table.integer("domain", 0, 31),
                key_bytes=table.integer("key_bytes", 16, 32),
            )
            table.end()
            result.append(suite)
        return tuple(result)

    def _passwords(self) -> tuple[model.Password, ...]:
        result = []
        for table in self._root.tables("password", "name"):
            low, high = table.integer("min", 1, 32), table.integer("max", 1, 32)
            charset = model.CHARSETS[table.text("charset", choice=model.CHARSETS)]
            transport = table.text("transport", None)
            if transport is not None and not (low <= len(transport) <= high and set(transport.encode()) <= set(charset)):
                raise table.error(f"'transport' is no password of {low} to {high} characters of the charset")
            result.append(
                model.Password(
                    name=table.text("name"),
                    reference=table.integer("reference", 0x01, 0xFF),
                    min=low,
                    max=high,
                    charset=charset,
                    retries=table.integer("retries", 0, 0xFF),
                    transport=None if transport is None else transport.encode(),
                    session=table.text("session", choice=self._proofs),
                    transport_session=table.text("transport_session", None, self._proofs),
                    pace=self._rule(table, "pace"),
                    change=self._rule(table, "change", optional=True),
                    reset=self._rule(table, "reset", optional=True),
                    query=self._rule(table, "query"),
                )
            )
            table.end()
        return tuple(result)

    def _transitions(self, keys: list[str]) -> tuple[model.Transition, ...]:
        result = []
        for table in self._root.tables("transition", "to"):
            requires = []
            for entry in table.tables("requires", "any"):
                made_in = entry.text("made_in", None, self._phases)
                requires.append(model.Requirement(entry.names("any", keys), entry.flag("active"), made_in))
                entry.end()
            result.append(
                model.Transition(
                    origins=table.names("from", self._phases),
                    target=table.text("to", choice=self._phases),
                    by=table.text("by", choice=model.TRIGGERS),
                    requires=tuple(requires),
                )
            )
            table.end()
        return tuple(result)

    def _private_keys(
        self, key_rules: dict[str, dict[str, model.KeyRule]], algorithms: dict[str, model.Algorithm]
    ) -> tuple[model.PrivateKey, ...]:
        result = []
        for table in self._root.tables("private_key", "name"):
            curve = table.text("curve")
            result.append(
                model.PrivateKey(
                    name=table.text("name"),
                    reference=table.integer("reference", 0x01, 0xFF),
                    curve=None if curve == "any" else curve,
                    default_curve=table.text("default_curve") if curve == "any" else curve,
                    algorithms=table.names("algorithms", algorithms),
                    state_after_generate=table.text("state_after_generate", choice=("active", "deactivated")),
                    volatile=table.flag("volatile"),
                    rules=key_rules[table.text("rules", choice=key_rules)],
                )
            )
            table.end()
        return tuple(result)

    def _public_keys(self) -> tuple[model.PublicKey, ...]:
        result = []
        for table in self._root.tables("public_key", "name"):
            curve = table.text("curve", None)
            result.append(
                model.PublicKey(
                    name=table.text("name"),
                    reference=table.integer("reference", 0x01, 0xFF),
                    volatile=table.flag("volatile"),
                    verify=self._rule(table, "verify"),
                    external_authenticate=self._rule(table, "external_authenticate", optional=True),
                    import_=self._rule(table, "import", optional=True),
                    delete=self._rule(table, "delete", optional=True),
                    certificate_authority=table.flag("certificate_authority"),
                    role=table.text("role", None),
                    kind=table.text("kind", None, model.CERTIFICATE_KINDS),
                    self_signed_in=table.names("self_signed_in", self._phases, optional=True),
                    verifiers=table.integers("verifiers", 0x01, 0xFF, optional=True),
                    curve=curve,
                    point=None if curve is None else table.octets("point", 3, 256),
                )
            )
            table.end()
        return tuple(result)


def _atr_mistake(atr: bytes, protocol: str) -> str | None:
    """What is wrong with an ATR (ISO/IEC 7816-3 clause 8), or None: structure, check byte, and the protocol it offers first."""
    if atr[0] not in (0x3B, 0x3F):
        return f"an ATR starts with 3B or 3F, not {atr[0]:02X}"
    position, historical = 2, atr[1] & 0x0F
    group, offered = atr[1] >> 4, []
    while True:
        position += (group & 7).bit_count()
        if not group & 8:
            break
        if position >= len(atr):
            return "it ends inside its interface bytes"
        offered.append(atr[position] & 0x0F)
        group = atr[position] >> 4
        position += 1
    protocols = [number for number in offered if number != 15] or [0]
    check = any(number != 0 for number in offered)
    if len(atr) != position + historical + check:
        return f"it has {len(atr)} bytes; its format byte promises {position + historical + check}"
    parity = 0
    for octet in atr[1:]:
        parity ^= octet
    if check and parity:
        return f"its check byte TCK should be {atr[-1] ^ parity:02X}"
    if f"T{protocols[0]}" != protocol:
        return f"it offers T={protocols[0]} first"
    return None


__all__ = ["load_profile", "profile_names"]
