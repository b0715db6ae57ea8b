# SPDX-License-Identifier: Apache-2.0
"""What binds records together: a module's index holds the tag of each of its records, the root holds the tag of each index.

So a record that is missing, or an older one in the place of its successor, is found by what stands above it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from secmod.crypto import StoreKey
from secmod.errors import StoreDamagedError

TAG_BYTES = 16  # of a tag's 32: as many as AES-GCM's
_ENTRY = 4 + TAG_BYTES


@dataclass(frozen=True, slots=True)
class Origin:
    """What a module was made from: a profile's name and version, and its `shape`, a digest of what its records are about."""

    name: str
    version: str
    shape: str

    def fits(self, other: Origin) -> bool:
        """Records of one can be read as the other's: a later version of the same profile may change its rules."""
        return (self.name, self.shape) == (other.name, other.shape)


@dataclass(frozen=True, slots=True)
class Index:
    """A module: its identifier (16 random bytes), what it was made from, when it was changed last, and its records' tags."""

    identifier: bytes
    origin: Origin
    generation: int
    tags: Mapping[str, bytes]

    def encode(self) -> bytes:
        """As JSON."""
        origin = self.origin
        content = {
            "id": self.identifier.hex(),
            "profile": {"name": origin.name, "version": origin.version, "shape": origin.shape},
            "generation": self.generation,
            "tags": {name: tag.hex() for name, tag in sorted(self.tags.items())},
        }
        return json.dumps(content, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, octets: bytes) -> Index:
        """From JSON whose tag was right.  StoreDamagedError if it is something else all the same."""
        try:
            content = json.loads(octets)
            return cls(
                bytes.fromhex(content["id"]),
                Origin(**content["profile"]),
                content["generation"],
                {name: bytes.fromhex(tag) for name, tag in content["tags"].items()},
            )
        except (ValueError, KeyError, TypeError) as error:
            raise StoreDamagedError(f"no index of a module: {error!r}") from None

    def changed(self, generation: int, tags: Mapping[str, bytes]) -> Index:
        """The same module after a change."""
        return replace(self, generation=generation, tags=tags)


class Root:
    """The generation of the store, the tag of its header, and the tag of each module's index.

    As octets: generation (8), header's tag (16), and for each module, in order, number (4) and tag (16).
    """

    __slots__ = ("_places", "_table", "generation", "header")

    def __init__(self, generation: int, header: bytes, table: bytes, places: Mapping[int, int] | None = None) -> None:
        self.generation = generation
        self.header = header
        self._table = table
        entries = range(0, len(table), _ENTRY)
        self._places = {int.from_bytes(table[at : at + 4]): at + 4 for at in entries} if places is None else places

    @classmethod
    def decode(cls, octets: bytes) -> Root:
        """From octets whose tag was right.  StoreDamagedError if they are something else all the same."""
        head, table = octets[: 8 + TAG_BYTES], octets[8 + TAG_BYTES :]
        if len(head) != 8 + TAG_BYTES or len(table) % _ENTRY:
            raise StoreDamagedError("no root of a store")
        return cls(int.from_bytes(head[:8]), head[8:], table)

    def encode(self) -> bytes:
        """The octets."""
        return self.generation.to_bytes(8) + self.header + self._table

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def __iter__(self) -> Iterator[int]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, number: int) -> bytes:
        start = self._places[number]
        return self._table[start : start + TAG_BYTES]

    def next(self, tags: Mapping[int, bytes], header: bytes | None = None) -> Root:
        """The root of the next generation, with these indices, and perhaps another header."""
        generation, header = self.generation + 1, self.header if header is None else header
        if tags.keys() <= self._places.keys():
            table = bytearray(self._table)
            for number, tag in tags.items():
                start = self._places[number]
                table[start : start + TAG_BYTES] = tag
            return Root(generation, header, bytes(table), self._places)
        entries = {number: self[number] for number in self} | dict(tags)
        return Root(generation, header, b"".join(number.to_bytes(4) + tag for number, tag in sorted(entries.items())))


def index_tag(key: StoreKey, number: int, octets: bytes) -> bytes:
    """What the root holds of a module's index."""
    return key.tag(octets, b"index" + number.to_bytes(4))[:TAG_BYTES]


def record_tag(key: StoreKey, index: Index, name: str, octets: bytes) -> bytes:
    """What the index of a module holds of a record, whose octets begin with its generation."""
    return key.tag(octets, b"record" + index.identifier + name.encode())[:TAG_BYTES]


__all__ = ["TAG_BYTES", "Index", "Origin", "Root", "index_tag", "record_tag"]
