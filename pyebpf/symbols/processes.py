"""Processes, living and gone: what each has mapped, and which function lies at an address of it."""

from __future__ import annotations

import ctypes
import os
import time
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import Final, final

from pyebpf.pictures.frames import Frame
from pyebpf.symbols.demangle import shown
from pyebpf.symbols.images import LARGEST_AT_ONCE, Image, Images, Key, TooLarge, of_bytes
from pyebpf.symbols.jit import JitMap, Writer, python_name, start_time, writer_of
from pyebpf.symbols.kallsyms import text
from pyebpf.symbols.mappings import Mapping, Space, read_maps
from pyebpf.symbols.opening import open_below, open_mapped
from pyebpf.symbols.pythons import Pythons

MOST: Final = 65_536
"""Processes that are known at a time."""
MOST_EXITED: Final = 4096
"""Of them, such as have ended: the first of more are forgotten."""
MOST_CAPTURED: Final = 16_384
"""Files that are known by their mappings."""
MOST_FRAMES: Final = 16_384
"""Addresses of one process whose names are kept."""
FRESH: Final = 1.0
"""Seconds for which a process's mappings are taken to be as they were read, if nothing tells of changes."""
_UNMAPPED: Final = 0.1
"""The same, if there is an address that they don't have."""
VDSO: Final = b"[vdso]"


@final
class Process:
    """One process."""

    __slots__ = (
        "changes",
        "exited",
        "files",
        "frames",
        "jit",
        "jit_at",
        "parent",
        "pid",
        "read_at",
        "space",
        "started",
        "writer",
    )

    def __init__(self, pid: int, space: Space, parent: int = 0) -> None:
        self.pid = pid
        self.space = space
        self.parent = parent
        self.exited = False
        self.files: dict[object, Key] = {}
        self.frames: dict[int, Frame] = {}
        self.changes = space.changes
        self.read_at = 0.0
        """When its mappings were read; 0 for those that came as records."""
        self.started = 0
        self.jit: JitMap | None = None
        self.jit_at = 0.0
        self.writer: Writer | None = None


@final
class Processes:
    """All of them that somebody asked for, or that records told of."""

    def __init__(self) -> None:
        self.images = Images()
        self._known: OrderedDict[int, Process] = OrderedDict()
        self._exited: OrderedDict[int, None] = OrderedDict()
        self._captured: OrderedDict[object, Key | None] = OrderedDict()
        self._vdso: Image | None = None
        self.pythons: Pythons | None = None
        """Who is told of those of CPython."""
        self.followed = False
        """Whether records tell of every change."""

    def __len__(self) -> int:
        return len(self._known)

    # what records tell

    def get(self, pid: int) -> Process | None:
        return self._known.get(pid)

    def put(self, process: Process) -> None:
        """A process that has its number from now on."""
        self._exited.pop(process.pid, None)
        self._known.pop(process.pid, None)
        self._known[process.pid] = process
        while len(self._known) > MOST:
            self._exited.pop(self._known.popitem(last=False)[0], None)

    def exit(self, process: Process) -> None:
        """It has ended, and stays known for a while."""
        if process.writer is not None:
            self._update_jit(process, process.writer)
        process.exited = True
        process.frames.clear()
        self._exited[process.pid] = None
        if len(self._exited) > MOST_EXITED:
            self._known.pop(self._exited.popitem(last=False)[0], None)

    def read(self, pid: int) -> Process | None:
        """A process by what /proc says of it now; None if that can't be read."""
        try:
            now, started, space = time.monotonic(), start_time(pid), Space(read_maps(pid))
        except (OSError, ValueError):
            return None
        process = Process(pid, space)
        process.read_at, process.started = now, started
        self.put(process)
        return process

    def is_captured(self, mapping: Mapping) -> bool:
        """Whether reading the file has been tried."""
        return mapping.key in self._captured

    def capture(self, process: Process, mapping: Mapping) -> None:
        """Read a mapped file while it is there, if that hasn't been done and it isn't very large."""
        key = mapping.key
        if key in self._captured:
            return
        found = None
        fd = open_mapped(process.pid, mapping, (process.parent,) if process.parent else ())
        if fd is not None:
            with suppress(TooLarge):
                found = self.images.read(fd, mapping.path, LARGEST_AT_ONCE)
        self._captured[key] = found
        if len(self._captured) > MOST_CAPTURED:
            self._captured.popitem(last=False)

    def note_jit(self, process: Process) -> None:
        """It has mapped memory to run what it compiles: remember who it is, for its map of that."""
        if process.writer is None:
            with suppress(OSError, ValueError):
                process.writer = writer_of(process.pid)

    # what is asked

    def frames(self, pid: int, addresses: list[tuple[int, bool]]) -> list[Frame]:
        """By addresses, and whether each is one that control returns to."""
        process = self._current(pid)
        if process is None:
            return [Frame("[unknown]", address=address) for address, _ in addresses]
        if any(process.space.find(address - back) is None for address, back in addresses):
            process = self._reread(process, _UNMAPPED)
        if process.changes != process.space.changes or len(process.frames) > MOST_FRAMES:
            process.frames.clear()
            process.changes = process.space.changes
        return [self._frame(process, address, back) for address, back in addresses]

    def _current(self, pid: int) -> Process | None:
        process = self._known.get(pid)
        if process is None:
            return self.read(pid)
        if process.exited or self.followed:
            return process
        return self._reread(process, FRESH)

    def _reread(self, process: Process, fresh: float) -> Process:
        """The same with its mappings of now, if they are older than `fresh` seconds; as it was, if it is gone."""
        now = time.monotonic()
        if process.exited or now - process.read_at < fresh:
            return process
        process.read_at = now
        try:
            started, mappings = start_time(process.pid), read_maps(process.pid)
        except (OSError, ValueError):
            return process
        if process.started not in (0, started):
            return self.read(process.pid) or process
        process.started = started
        if mappings and mappings != list(process.space):
            changes = process.space.changes
            process.space = Space(mappings)
            process.space.changes += changes
            if any(each.key not in process.files for each in mappings if each.is_file):
                process.files.clear()  # by exec, perhaps: the same path may be another file
        return process

    def _frame(self, process: Process, address: int, back: bool) -> Frame:
        place = address - back
        found = process.frames.get(place)
        if found is None:
            found = self._found(process, place)
            if found.kind != "unknown" or found.module:
                process.frames[place] = found
        offset = found.offset + back if found.kind != "unknown" else 0
        return Frame(found.name, found.module, offset, address, found.kind, found.file, found.line, found.symbol)

    def _found(self, process: Process, place: int) -> Frame:
        mapping = process.space.find(place)
        if mapping is None:
            return Frame("[unknown]")
        module = text(mapping.shown)
        image = self._vdso_image() if mapping.path == VDSO else self._image(process, mapping)
        if image is not None:
            address = image.address_of(place - mapping.start + mapping.offset)
            found = image.functions.at(address) if address is not None else None
            if found is None:
                return Frame("[unknown]", module)
            return Frame(shown(found[0]), module, found[1], 0, "user", symbol=found[0])
        compiled = self._compiled(process, place) if mapping.path != VDSO else None
        if compiled is None:
            return Frame("[unknown]", module) if mapping.is_file else Frame("[unknown]")
        python = python_name(compiled[0])
        if python is not None:
            return Frame(python[0], "", compiled[1], 0, "python", python[1])
        return Frame(compiled[0], module if mapping.is_file else "", compiled[1], 0, "jit")

    def _image(self, process: Process, mapping: Mapping) -> Image | None:
        if not mapping.is_file:
            return None
        key = process.files.get(mapping.key) or self._captured.get(mapping.key)
        image = self.images.get(key) if key is not None else None
        if image is None:
            fd = open_mapped(process.pid, mapping, (process.parent,) if process.parent else ())
            key = self.images.read(fd, mapping.path) if fd is not None else None
            image = self.images.get(key) if key is not None else None
        if image is not None and key is not None:
            process.files[mapping.key] = key
            if not image.whole:
                roots = (f"/proc/{process.pid}/root", "/") if not process.exited else ("/",)
                image.find_debug(mapping.shown, [partial(open_below, root) for root in roots])
        return image

    def _vdso_image(self) -> Image | None:
        """The kernel's own library is the same for all processes of 64 bits."""
        if self._vdso is None:
            with suppress(Exception):
                for mapping in read_maps(os.getpid()):
                    if mapping.path == VDSO:
                        self._vdso = of_bytes(ctypes.string_at(mapping.start, mapping.end - mapping.start))
        return self._vdso

    def _compiled(self, process: Process, place: int) -> tuple[str, int] | None:
        self.note_jit(process)
        if process.writer is None:
            return None
        found = process.jit.at(place) if process.jit is not None else None
        if found is None and time.monotonic() > process.jit_at + _UNMAPPED:
            self._update_jit(process, process.writer)
            found = process.jit.at(place) if process.jit is not None else None
        return found

    def _update_jit(self, process: Process, writer: Writer) -> None:
        process.jit_at = time.monotonic()
        if process.jit is None:
            process.jit = JitMap()
        process.jit.update("/" if writer.at_home else f"/proc/{process.pid}/root", writer)
