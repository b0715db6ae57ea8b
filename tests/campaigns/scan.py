# SPDX-License-Identifier: Apache-2.0
"""Where secrets lie: in the memory of another process, in files."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.campaigns.needles import PREFIX, Needle
from tests.campaigns.programs import memory_scan

_ROOM = 65_536  # hits in one piece of memory
_PIECE = 1 << 24  # bytes read at once
_OVERLAP = 64  # no needle is longer


@dataclass(frozen=True, slots=True)
class Region:
    """A mapping of a process, with the kernel's flags: lo is locked, dd is not dumped."""

    start: int
    end: int
    rights: str
    name: str
    flags: frozenset[str]

    @property
    def is_vault(self) -> bool:
        """What the native vault keeps its secrets in: neither swapped nor dumped."""
        return {"lo", "dd"} <= self.flags

    def __str__(self) -> str:
        return f"{self.name or 'anonymous memory'}{' (vault)' if self.is_vault else ''}"


@dataclass(frozen=True, slots=True)
class Hit:
    """A needle that was found, and where."""

    needle: Needle
    place: str
    offset: int
    vault: bool = False

    def __str__(self) -> str:
        return f"{self.needle.secret} ({self.needle.form}) in {self.place} at {self.offset:#x}"


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(str(memory_scan()))
    library.scan_prepare.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    library.scan_prepare.restype = None
    library.scan_bytes.argtypes = (
        *(ctypes.c_char_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    )
    library.scan_bytes.restype = ctypes.c_size_t
    return library


class Scanner:
    """Looks for all of its needles at once."""

    def __init__(self, needles: Iterable[Needle]) -> None:
        self._by_prefix: dict[bytes, list[Needle]] = {}
        for needle in needles:
            self._by_prefix.setdefault(needle.piece[:PREFIX], []).append(needle)
        prefixes = (ctypes.c_uint64 * len(self._by_prefix))(*(int.from_bytes(prefix, "little") for prefix in self._by_prefix))
        self._bits = max(10, (4 * len(prefixes)).bit_length())
        self._table = (ctypes.c_uint64 * (1 << self._bits))()
        self._filter = (ctypes.c_uint8 * (1 << 21))()
        self._offsets = (ctypes.c_uint64 * _ROOM)()
        _library().scan_prepare(prefixes, len(prefixes), self._table, self._bits, self._filter)

    @property
    def needles(self) -> int:
        """How many different pieces it looks for."""
        return sum(map(len, self._by_prefix.values()))

    def in_bytes(self, data: bytes, place: str, offset: int = 0, *, vault: bool = False) -> Iterator[Hit]:
        """What stands in `data`, which begins at `offset` of the place."""
        found = _library().scan_bytes(data, len(data), self._table, self._bits, self._filter, self._offsets, _ROOM)
        for at in self._offsets[: min(found, _ROOM)]:
            for needle in self._by_prefix[data[at : at + PREFIX]]:
                if data.startswith(needle.piece, at):
                    yield Hit(needle, place, offset + at, vault)

    def in_files(self, paths: Iterable[Path]) -> list[Hit]:
        """What stands in these files, and in all files of folders among them."""
        hits: list[Hit] = []
        for path in paths:
            for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
                if file.is_file():
                    hits += self.in_bytes(file.read_bytes(), file.name)
        return hits

    def in_process(self, pid: int) -> list[Hit]:
        """What stands in the memory of a process."""
        return [
            hit for region, offset, data in memory(pid) for hit in self.in_bytes(data, str(region), offset, vault=region.is_vault)
        ]


def regions(pid: int) -> list[Region]:
    """Everything that the process can read, but what the kernel shows it (vvar, vsyscall)."""
    found: list[Region] = []
    head: re.Match[str] | None = None
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        if match := re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)", line):
            head = match
        elif line.startswith("VmFlags:") and head is not None and "r" in head[3] and head[4] not in ("[vvar]", "[vsyscall]"):
            name = Path(head[4]).name if head[4].startswith("/") else head[4]
            found.append(Region(int(head[1], 16), int(head[2], 16), head[3], name, frozenset(line.split()[1:])))
    return found


def memory(pid: int) -> Iterator[tuple[Region, int, bytes]]:
    """The memory of a process, piece by piece, with some overlap: region, address, bytes."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for region in regions(pid):
            for start in range(region.start, region.end, _PIECE):
                file.seek(start)
                try:
                    data = file.read(min(_PIECE + _OVERLAP, region.end - start))
                except OSError:  # unmapped meanwhile, or beyond the end of its file
                    continue
                yield region, start, data
