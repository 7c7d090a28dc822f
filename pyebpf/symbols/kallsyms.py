"""The kernel's symbols: its own, those of modules, and of BPF programs, by their addresses.

The kernel's own table is sorted (scripts/kallsyms.c), has a hundred thousand lines and more, and of them a few dozen
are asked for: so it stays the text that it is, and is bisected as such. Modules and BPF programs come behind it, in any
order, and are sorted when one of them is asked for.

Who may see addresses is decided when the file is opened, not when it is read (5.8; before, kernels decided the same way
by who opens it): a table that is opened with privileges serves after they are dropped.
"""

from __future__ import annotations

import os
import re
import time
import warnings
from array import array
from bisect import bisect_right
from contextlib import suppress
from typing import Final, final

from pyebpf.loader.errors import LoadWarning
from pyebpf.loader.kallsyms import KALLSYMS
from pyebpf.pictures.frames import Frame
from pyebpf.pictures.names import visible
from pyebpf.symbols.demangle import shown

MODULES: Final = "/proc/modules"
KERNEL: Final = "[kernel]"
LARGEST: Final = 256 << 20
"""Bytes; a kernel's table has ten million."""
FURTHEST: Final = 1 << 20
"""How far code goes on behind a symbol of whose end nothing is known: bytes of a BPF program."""
AGAIN: Final = 1.0
"""Seconds after which an address that nobody knows is a reason to read once more; each time in vain doubles them."""
_LIMITS: Final = ((b"_stext", b"_etext"), (b"_sinittext", b"_einittext"))
_LINE: Final = re.compile(rb"^([0-9a-f]{1,16}) [tTwW] (\S+)(?:\t\[(\S+)\])?$", re.MULTILINE)
_SHOWN: Final = re.compile(rb"^0*[1-9a-f]", re.MULTILINE)
_LOADED: Final = re.compile(rb"^(\S+) (\d+) .* 0x([0-9a-f]{1,16})(?: \(\w+\))?$", re.MULTILINE)
_CODE: Final = b"tTwW"
_HIDDEN: Final = (
    "this process may not see the kernel's addresses, so its functions are [unknown]: that takes CAP_SYSLOG, or "
    "`sysctl kernel.kptr_restrict=0 kernel.perf_event_paranoid=1`"
)


@final
class KernelSymbols:
    """Opened now, read at the first question."""

    def __init__(self, path: str = KALLSYMS, modules: str = MODULES) -> None:
        self._files = [_opened(path), _opened(modules)]
        self._own = b""
        self._ranges: list[tuple[int, int]] = []
        self._others = Others(b"", b"")
        self._read_at = 0.0
        self._wait = AGAIN
        self._known: dict[int, Frame] = {}
        self._told = False

    def close(self) -> None:
        """What was read stays known."""
        files, self._files = self._files, []
        for fd in files:
            if fd is not None:
                os.close(fd)

    def frame(self, address: int, returns: bool) -> Frame:
        """The function at an address; `returns`: control returns there, so that the call is before it."""
        place = address - 1 if returns else address
        found = self._known.get(place)
        if found is None:
            found = self._found(place)
            if found.kind == "kernel":
                self._known[place] = found
        offset = found.offset + returns if found.kind == "kernel" else 0
        return Frame(found.name, found.module, offset, address, found.kind, symbol=found.symbol)

    def _found(self, place: int) -> Frame:
        if not self._read_at:
            self._read()
        found = self._look_up(place)
        if found is None and self._ranges and time.monotonic() > self._read_at + self._wait:
            before, self._wait = self._wait, self._wait * 2
            self._read()
            found = self._look_up(place)
            if found is not None:
                self._wait = before
        return found or Frame("[unknown]", address=place)

    def _look_up(self, place: int) -> Frame | None:
        if any(start <= place < end for start, end in self._ranges):
            return self._own_at(place)
        return self._others.at(place)

    def _read(self) -> None:
        self._read_at = time.monotonic()
        files = self._files or [None, None]
        table, modules = (_contents(fd) for fd in files)
        first = table.find(b"\t[")
        cut = table.rfind(b"\n", 0, first) + 1 if first >= 0 else len(table)
        self._own, self._others = table[:cut], Others(table[cut:], modules)
        limits = ([self._address_of(name) for name in pair] for pair in _LIMITS)
        self._ranges = [(start, end) for start, end in limits if start and end > start]
        if not self._ranges:
            self._warn(6)

    def check(self) -> None:
        """Warn now where addresses are hidden, by a look at the first of them: one or the other may be 0 anyway."""
        fd = self._files[0] if self._files else None
        with suppress(OSError):
            if fd is None or _SHOWN.search(os.pread(fd, 1 << 16, 0)) is None:
                self._warn(4)

    def _warn(self, level: int) -> None:
        if not self._told:
            self._told = True
            warnings.warn(_HIDDEN, LoadWarning, stacklevel=level)

    def _address_of(self, name: bytes) -> int:
        at = self._own.find(b" " + name + b"\n")
        return self._address(self._own.rfind(b"\n", 0, at) + 1) if at >= 0 else 0

    def _address(self, start: int) -> int:
        """Of the line that begins there."""
        try:
            return int(self._own[start : self._own.find(b" ", start)], 16)
        except ValueError:
            return 0

    def _own_at(self, place: int) -> Frame | None:
        """The last line that begins at `place` or before; of those with the same address the first, as the kernel
        does."""
        low, high = 0, len(self._own)
        while low < high:  # the first line beyond it begins somewhere in low..high
            start = self._own.rfind(b"\n", low, (low + high) // 2) + 1 or low
            if self._address(start) > place:
                high = start
            else:
                low = self._own.find(b"\n", start) + 1 or high
        found, name = 0, b""
        while low > 0:
            low = self._own.rfind(b"\n", 0, low - 1) + 1
            line = self._own[low : self._own.find(b"\n", low)].split(b" ", 2)
            if len(line) != 3 or line[1] not in _CODE:
                continue
            address = self._address(low)
            if name and address != found:
                break
            found, name = address, line[2]
        return _frame(name, KERNEL, place - found, place) if name else None


@final
class Others:
    """Symbols of modules and BPF programs."""

    def __init__(self, table: bytes, modules: bytes) -> None:
        self._table = table
        self._modules = modules
        self._lines: tuple[array[int], array[int]] | None = None
        self._ends: dict[bytes, int] = {}

    def at(self, place: int) -> Frame | None:
        if self._lines is None:
            self._lines = self._sorted()
        addresses, starts = self._lines
        index = bisect_right(addresses, place) - 1
        if index < 0:
            return None
        while index and addresses[index - 1] == addresses[index]:
            index -= 1
        address, match = addresses[index], _LINE.match(self._table, starts[index])
        if match is None:
            return None
        name, module = match[2], match[3] or b""
        if place >= self._ends.get(module, address + FURTHEST):
            return None
        return _frame(name, f"[{text(module)}]" if module else KERNEL, place - address, place)

    def _sorted(self) -> tuple[array[int], array[int]]:
        for match in _LOADED.finditer(self._modules):
            self._ends[match[1]] = int(match[3], 16) + int(match[2])
        lines = sorted((int(match[1], 16), match.start()) for match in _LINE.finditer(self._table))
        return array("Q", [address for address, _ in lines]), array("Q", [start for _, start in lines])


def _frame(name: bytes, module: str, offset: int, place: int) -> Frame:
    """Some of the kernel's functions are written in Rust."""
    symbol = text(name)
    return Frame(shown(symbol), module, offset, place, "kernel", symbol=symbol)


def text(name: bytes) -> str:
    """A name for people to read, whatever is in it."""
    return visible(name.decode("utf-8", "backslashreplace"))


def _opened(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def _contents(fd: int | None) -> bytes:
    """From its beginning; nothing where it can't be read."""
    parts: list[bytes] = []
    size = 0
    try:
        while fd is not None and size < LARGEST:
            part = os.pread(fd, 1 << 20, size)
            if not part:
                break
            parts.append(part)
            size += len(part)
    except OSError:
        pass
    return b"".join(parts)
