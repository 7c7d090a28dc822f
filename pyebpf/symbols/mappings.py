"""What a process has mapped that is executable: /proc/PID/maps, and the same kept up to date by records of perf events.

Sources: proc(5); `struct vm_area_struct` as fs/proc/task_mmu.c shows it. A newline in a path stands there as `\\012`.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import Final, NamedTuple, final

LARGEST_MAPS: Final = 64 << 20
MOST: Final = 1 << 14
"""Executable mappings of one process that are kept. The largest programs have some hundreds."""
_LINE: Final = re.compile(
    rb"^([0-9a-f]{1,16})-([0-9a-f]{1,16}) [r-][w-]x[ps] ([0-9a-f]{1,16}) ([0-9a-f]{1,8}):([0-9a-f]{1,8}) (\d{1,20})"
    rb" *([^\n]*)$",
    re.MULTILINE,
)
DELETED: Final = b" (deleted)"
"""What the kernel says behind the path of a file that has none any more."""


@final
class Mapping(NamedTuple):
    """Addresses from `start` to before `end`, where a file lies from `offset` on; or none, if the inode is 0."""

    start: int
    end: int
    offset: int
    device: int
    inode: int
    path: bytes
    """As the process sees it; `[vdso]`, `//anon` or nothing where it is no file's."""
    generation: int = 0
    """Which of the files that had the inode, where it is known."""

    @property
    def is_file(self) -> bool:
        return self.inode != 0 and self.path.startswith(b"/")

    @property
    def key(self) -> tuple[int, int, int, bytes]:
        """What is the same for all mappings of a file."""
        return self.device, self.inode, self.generation, self.path

    @property
    def shown(self) -> bytes:
        """The path without what the kernel says behind it."""
        return self.path.removesuffix(DELETED) if self.inode else self.path


def parse_maps(text: bytes) -> list[Mapping]:
    """The executable ones among the lines of /proc/PID/maps, in their order; lines of another form are left out."""
    found: list[Mapping] = []
    paths: dict[bytes, bytes] = {}
    for match in _LINE.finditer(text):
        start, end, offset = int(match[1], 16), int(match[2], 16), int(match[3], 16)
        if start < end and len(found) < MOST:
            device = os.makedev(int(match[4], 16), int(match[5], 16))
            path = match[7].replace(b"\\012", b"\n")
            path = paths.setdefault(path, path)  # mostly the same again and again
            found.append(Mapping(start, end, offset, device, int(match[6]), path))
    return found


def read_maps(pid: int) -> list[Mapping]:
    """Raises OSError where the process is gone, or is none of ours."""
    with open(f"/proc/{pid}/maps", "rb") as file:
        return parse_maps(file.read(LARGEST_MAPS))


@final
class Space:
    """The executable mappings of a process by address; where one lies over another, the newer one is there."""

    __slots__ = ("_mappings", "_shared", "_starts", "changes")

    def __init__(self, mappings: list[Mapping] | None = None) -> None:
        self._mappings: list[Mapping] = []
        self._starts: list[int] = []
        self._shared = False
        self.changes = 0
        for mapping in mappings or ():
            self.add(mapping)

    def __len__(self) -> int:
        return len(self._mappings)

    def __iter__(self) -> Iterator[Mapping]:
        return iter(self._mappings)

    def find(self, address: int) -> Mapping | None:
        index = bisect_right(self._starts, address) - 1
        if index < 0 or address >= self._mappings[index].end:
            return None
        return self._mappings[index]

    def add(self, new: Mapping) -> None:
        """Over whatever was there. What is more than a process can have is left out."""
        if self._shared:
            self._mappings, self._starts, self._shared = self._mappings[:], self._starts[:], False
        self.changes += 1
        first = bisect_right(self._starts, new.start) - 1
        if first < 0 or self._mappings[first].end <= new.start:
            first += 1
        last = bisect_left(self._starts, new.end)
        pieces = [new]
        if first < last:
            before, after = self._mappings[first], self._mappings[last - 1]
            if before.start < new.start:
                pieces.insert(0, before._replace(end=new.start))
            if after.end > new.end:
                pieces.append(after._replace(start=new.end, offset=after.offset + new.end - after.start))
        if len(self._mappings) - (last - first) + len(pieces) > MOST:
            return
        self._mappings[first:last] = pieces
        self._starts[first:last] = [piece.start for piece in pieces]

    def copy(self) -> Space:
        """As a child of fork(2) has it: the same until one of them changes."""
        new = Space()
        new._mappings, new._starts = self._mappings, self._starts
        new._shared = self._shared = True
        return new
