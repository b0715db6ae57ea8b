# SPDX-License-Identifier: Apache-2.0
"""The write-ahead log, looked at before SQLite does: to open it is to carry it over, and a newer store must stay untouched.

The format is SQLite's (https://www.sqlite.org/fileformat2.html, 4): a header, then frames of a header and a page.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import TypeAlias

Version: TypeAlias = tuple[int, int]
"""The format's version, and the number of the application that made it."""

_HEADER, _FRAME = 32, 24
_MAGIC = 0x377F0682  # checksums over little-endian words; with bit 0 over big-endian ones
_VERSION, _APPLICATION = 60, 68  # in the first page
_LARGEST_PAGE = 65536


def version_in_log(fd: int, usual: Version) -> Version | None:
    """What the log's last first page says that SQLite would take; None if that is the usual, or there is none.

    Checksums are computed only if a first page says something unusual: in good times this reads a few bytes of each frame.
    """
    header = os.pread(fd, _HEADER, 0)
    if len(header) < _HEADER or int.from_bytes(header[:4]) & ~1 != _MAGIC:
        return None
    page_size = int.from_bytes(header[8:12])
    if not 512 <= page_size <= _LARGEST_PAGE or all(said == usual for said in _told(fd, header, page_size)):
        return None
    found = _taken(fd, header, page_size)
    return None if found == usual else found


def _told(fd: int, header: bytes, page_size: int) -> Iterator[Version]:
    """What the first pages of this turn of the log say, right or not."""
    place = _HEADER
    while len(frame := os.pread(fd, _FRAME + _APPLICATION + 4, place)) == _FRAME + _APPLICATION + 4:
        if frame[8:16] != header[16:24]:
            return
        if int.from_bytes(frame[:4]) == 1:
            yield _version(frame[_FRAME:])
        place += _FRAME + page_size


def _taken(fd: int, header: bytes, page_size: int) -> Version | None:
    """What the last first page says of those frames that SQLite takes: all sums right, up to the last commit."""
    words, salts = ">" if header[3] & 1 else "<", header[16:24]
    sums = _checksum(words, header[:24], (0, 0))
    if sums != struct.unpack(">2I", header[24:]):
        return None
    waiting = committed = None
    place = _HEADER
    while len(frame := os.pread(fd, _FRAME + page_size, place)) == _FRAME + page_size:
        sums = _checksum(words, frame[_FRAME:], _checksum(words, frame[:8], sums))
        if frame[8:16] != salts or sums != struct.unpack(">2I", frame[16:24]):
            break
        if int.from_bytes(frame[:4]) == 1:
            waiting = _version(frame[_FRAME:])
        if int.from_bytes(frame[4:8]):  # the size of the database: this frame commits
            committed = waiting
        place += _FRAME + page_size
    return committed


def _version(page: bytes) -> Version:
    return int.from_bytes(page[_VERSION : _VERSION + 4]), int.from_bytes(page[_APPLICATION : _APPLICATION + 4])


def _checksum(words: str, octets: bytes, sums: tuple[int, int]) -> tuple[int, int]:
    first, second = sums
    values = struct.unpack(f"{words}{len(octets) // 4}I", octets)
    for even, odd in zip(values[::2], values[1::2], strict=True):
        first = (first + even + second) & 0xFFFF_FFFF
        second = (second + odd + first) & 0xFFFF_FFFF
    return first, second


__all__ = ["Version", "version_in_log"]
