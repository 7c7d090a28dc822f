"""Processes of CPython: where each has its interpreter's state, for programs that follow its frames (`python_stack`).

A program or library counts that has `python` in its name, and exports the interpreter's state.
"""

from __future__ import annotations

import os
import struct
import sys
from collections import OrderedDict
from collections.abc import Callable, Collection
from collections.abc import Mapping as Items
from contextlib import suppress
from itertools import count
from typing import Final, NamedTuple, final

from pyebpf.cpython import DEBUG_COOKIE, DEBUG_FIELDS, LAYOUTS, RUNTIME, VERSION, Layout, packed
from pyebpf.loader.attach.uprobe_elf import (
    EXECUTABLE,
    SHT_DYNSYM,
    SHT_SYMTAB,
    SHT_VERDEF,
    SHT_VERSYM,
    Binary,
    BinaryError,
    FoundSymbol,
)
from pyebpf.metadata import MOST_PYTHONS
from pyebpf.symbols.mappings import Mapping, read_maps
from pyebpf.symbols.opening import open_mapped

NAME: Final = b"python"
MOST_FILES: Final = 4096
MOST_BYTES: Final = 16 << 20
"""Of a file's tables of symbols, with the names: those of Python have one."""
_NUMBER: Final = struct.Struct("=Q")
_LAST: Final = 2**64 - 1
"""The last address."""
_MINOR_BITS: Final = 20
"""Of device numbers inside the kernel."""

Put = Callable[[int, Items[str, int]], None]
"""Tells of a process: its number, and what `Interpreter` of `pyebpf.library.python_frames` has."""


@final
class Interpreter(NamedTuple):
    """What a file says."""

    version: tuple[int, int]
    runtime: int
    """The address that its state is linked to."""
    segments: tuple[tuple[int, int, int], ...]
    """Of its code: where they begin in the file, how long they are, what address they are linked to."""

    def base(self, mapping: Mapping) -> int | None:
        """What is added to addresses where `mapping` is; None if it is of no segment with code."""
        for offset, size, address in self.segments:
            if offset < mapping.offset + mapping.end - mapping.start and mapping.offset < offset + size:
                return mapping.start - mapping.offset + offset - address
        return None


@final
class Pythons:
    """Tells of them, as they are mapped, forked, and end."""

    def __init__(self, put: Put, drop: Callable[[int], None], before: Collection[int] = ()) -> None:
        """`before`: processes that were told of by an earlier session, whose maps these are."""
        self._put, self._drop = put, drop
        self._before = set(before)
        self._files: OrderedDict[object, Interpreter | None] = OrderedDict()
        self._known: dict[int, dict[str, int]] = {}
        self._families = count(int.from_bytes(os.urandom(7), "little") + 1)  # pinned maps may have an earlier session's

    def mapped(self, pid: int, mapping: Mapping) -> None:
        """A process has mapped code of a file."""
        if not mapping.is_file or NAME not in mapping.path.rpartition(b"/")[2].lower() or pid in self._known:
            return
        found = self._interpreter(pid, mapping)
        base = found.base(mapping) if found is not None else None
        if found is None or base is None or len(self._known) >= MOST_PYTHONS:
            return
        layout = LAYOUTS[found.version]
        main = base + found.runtime + layout.main
        if not 0 <= main <= _LAST:  # files may say anything
            return
        self._known[pid] = {
            "main": main,
            "device": 0,
            "inode": 0,
            "family": next(self._families),
            "threads": layout.threads,
            "thread": layout.thread,
            "frame": layout.frame,
            "through": 0 if layout.through is None else layout.through + 1,
            "code": layout.code // 8,
            "previous": layout.previous // 8,
            "kind": layout.kind % 8 * 8,
            "version": packed(found.version),
        }
        self._tell(pid)

    def scan(self) -> None:
        """Tell of those that there are, where nobody follows them."""
        for name in os.listdir("/proc"):
            if name.isdecimal():
                with suppress(OSError):
                    for mapping in read_maps(int(name)):
                        self.mapped(int(name), mapping)
        self.scanned()

    def scanned(self) -> None:
        """All have been told of that there are: numbers of others may be anybody's by now."""
        for pid in self._before - self._known.keys():
            self._drop(pid)
        self._before.clear()

    def forked(self, parent: int, pid: int) -> None:
        """A process has a child, which has all at the same addresses."""
        self.gone(pid)  # another one's number before, whose end has no record
        if parent in self._known and len(self._known) < MOST_PYTHONS:
            self._known[pid] = self._known[parent]
            self._tell(pid)

    def gone(self, pid: int) -> None:
        """A process has ended, or is another program's now."""
        if self._known.pop(pid, None) is not None:
            self._drop(pid)

    def _tell(self, pid: int) -> None:
        self._put(pid, self._known[pid] | namespace_of(pid))

    def _interpreter(self, pid: int, mapping: Mapping) -> Interpreter | None:
        if mapping.key not in self._files:
            fd = open_mapped(pid, mapping)
            if fd is None:  # the process is gone, perhaps, and another one has the same file
                return None
            found = None
            with suppress(BinaryError, OSError, MemoryError), Binary(os.fsdecode(mapping.path), fd) as binary:
                found = interpreter_in(binary)
            self._files[mapping.key] = found
            while len(self._files) > MOST_FILES:
                self._files.popitem(last=False)
        return self._files[mapping.key]


def interpreter_in(binary: Binary) -> Interpreter | None:
    """The interpreter in a file, if it is one whose frames are known. Raises BinaryError, OSError."""
    if sys.byteorder != "little" or _table_bytes(binary) > MOST_BYTES:
        return None
    runtime, told = _symbol(binary, RUNTIME), _symbol(binary, VERSION)
    place = binary.offset_of(told.value) if told is not None else None
    if runtime is None or place is None:
        return None
    (number,) = _NUMBER.unpack(binary.read(place, _NUMBER.size, "its version"))
    version = (number >> 24 & 0xFF, number >> 16 & 0xFF)
    layout = LAYOUTS.get(version)
    if layout is None or number >> 32 or not _is_as_said(binary, runtime, version, layout):
        return None
    code = tuple((each.offset, each.size, each.address) for each in binary.segments if each.flags & EXECUTABLE)
    return Interpreter(version, runtime.value, code)


def _table_bytes(binary: Binary) -> int:
    """How much is read for its symbols: sections may be said to be enormous, or be the same, many times."""
    sections = binary.sections
    read = (SHT_SYMTAB, SHT_DYNSYM, SHT_VERSYM, SHT_VERDEF)
    tables = [each for each in sections if each.type in read]
    names = (sections[each.link].size for each in tables if each.link < len(sections))
    return sum(each.size for each in tables) + sum(names)


def _symbol(binary: Binary, name: str) -> FoundSymbol | None:
    found = (each for table in binary.tables for each in table.find(name) if each.section)
    return next(found, None)


def _is_as_said(binary: Binary, runtime: FoundSymbol, version: tuple[int, int], layout: Layout) -> bool:
    """Whether the file says of itself what the table says, from 3.13 on."""
    if version < (3, 13):
        return True
    place = binary.offset_of(runtime.value)
    if place is None:
        return False
    size = (max(DEBUG_FIELDS.values()) + 1) * _NUMBER.size
    data = binary.read(place, size, "the layout of its state")
    words = [word for (word,) in _NUMBER.iter_unpack(data)]
    is_free = words[2] != 0
    if data[:8] != DEBUG_COOKIE or (words[1] >> 24, words[1] >> 16 & 0xFF) != version or is_free:
        return False
    return all(words[at] == getattr(layout, name) for name, at in DEBUG_FIELDS.items())


def namespace_of(pid: int) -> dict[str, int]:
    """The namespace in which a process has numbers of its own; nothing if that is the first one."""
    with suppress(OSError, ValueError):
        with open(f"/proc/{pid}/status", "rb") as file:
            numbers = next((line for line in file if line.startswith(b"NSpid:")), b"").split()
        if len(numbers) > 2:  # the word, its number here, and others
            status = os.stat(f"/proc/{pid}/ns/pid")
            return {"device": os.major(status.st_dev) << _MINOR_BITS | os.minor(status.st_dev), "inode": status.st_ino}
    return {}
