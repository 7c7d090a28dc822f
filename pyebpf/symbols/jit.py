"""Functions that a process compiled while it ran, by the map that it writes: /tmp/perf-PID.map.

A line is `START SIZE NAME`, the numbers in hexadecimal; what comes later counts where two overlap. CPython writes one
from 3.12 on when it is told to (`-X perf`, `sys.activate_stack_trampoline("perf")`), with names such as
`py::function:/path/file.py`; so do Node, Java with an agent, and others. The file lies in the /tmp that the process
sees, with the number that the process has for itself.

Everybody may write to /tmp. What is read has to be a regular file with one name, of the process's own user or root's,
that nobody else may write to.

Frames of a Python without that map are told by `python_stack()` in the program, at the moment of the sample: when user
space looks, the thread is elsewhere.

Sources: the kernel's tools/perf/Documentation/jit-interface.txt; CPython's documentation, "Python support for the Linux
perf profiler".
"""

from __future__ import annotations

import os
import re
import time
from array import array
from bisect import bisect_right
from typing import Final, NamedTuple, final

from pyebpf.symbols.kallsyms import text
from pyebpf.symbols.opening import open_below

LARGEST: Final = 256 << 20
"""Bytes of a map that are read."""
MOST: Final = 2_000_000
_LONGEST: Final = 1000
_FURTHEST: Final = 32
_OTHERS_WRITE: Final = 0o022
_CLOCKS: Final = 2.0
"""Seconds that the machine's clocks may be apart."""
_LINE: Final = re.compile(rb"^(?:0x)?([0-9a-fA-F]{1,16}) (?:0x)?([0-9a-fA-F]{1,16}) ([^\n]+)\n", re.MULTILINE)
_PYTHON: Final = re.compile(r"py::(?P<name>.+?):(?P<file>[^:].*)", re.DOTALL)


def python_name(name: str) -> tuple[str, str] | None:
    """The function and its file, if it is CPython that gave the name."""
    match = _PYTHON.fullmatch(name)
    return (match["name"], match["file"]) if match else None


@final
class Writer(NamedTuple):
    """Who a map must be of."""

    number: int
    """The process's number in its own pid namespace."""
    user: int
    """Who it runs as."""
    since: float
    """When it began, in seconds since 1970: an older file was another's, which had the number before."""
    at_home: bool
    """Whether it sees the same files as this process, so that its map is found without looking into it."""


def writer_of(pid: int) -> Writer:
    """Raises OSError, ValueError where the process is gone."""
    with open(f"/proc/{pid}/status", "rb") as file:
        status = dict(line.partition(b":\t")[::2] for line in file.read(1 << 16).split(b"\n"))
    numbers, users = status.get(b"NSpid", b"%d" % pid).split(), status.get(b"Uid", b"").split()
    if len(users) < 2 or not numbers:
        raise ValueError("it is gone")
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - start_time(pid) / os.sysconf("SC_CLK_TCK")
    return Writer(int(numbers[-1]), int(users[1]), time.time() - age, _sees(pid) == _sees(os.getpid()))


def _sees(pid: int) -> tuple[str, int, int] | None:
    """Which mounts and which root a process has; None if that may not be known."""
    try:
        root = os.stat(f"/proc/{pid}/root")
        return os.readlink(f"/proc/{pid}/ns/mnt"), root.st_dev, root.st_ino
    except OSError:
        return None


def start_time(pid: int) -> int:
    """Ticks from the machine's start to the process's. Raises OSError, ValueError."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        words = file.read(4096).rpartition(b") ")[2].split()
    if len(words) < 20:
        raise ValueError("it is gone")
    return int(words[19])


@final
class JitMap:
    """The map of one process, read as far as it goes, and on from there when it has grown."""

    def __init__(self) -> None:
        self._begin(None)

    def _begin(self, file: tuple[int, int] | None) -> None:
        self._file = file
        self._read_to = 0
        self._lines: list[tuple[int, int, int]] = []
        self._names: list[bytes] = []
        self._starts = array("Q")
        self._sorted = True

    def __len__(self) -> int:
        return len(self._lines)

    def update(self, root: str, writer: Writer) -> bool:
        """Read what has come since; whether anything has."""
        fd = open_below(root, b"/tmp/perf-%d.map" % writer.number, follow=False)
        if fd is None:
            return False
        try:
            status = os.fstat(fd)
            theirs = status.st_uid in (writer.user, 0) and not status.st_mode & _OTHERS_WRITE and status.st_nlink == 1
            if not theirs or status.st_mtime < writer.since - _CLOCKS:
                return False
            file = (status.st_dev, status.st_ino)
            if file != self._file or status.st_size < self._read_to:
                self._begin(file)
            return self._read_on(fd)
        except OSError:
            return False
        finally:
            os.close(fd)

    def _read_on(self, fd: int) -> bool:
        before = len(self._lines)
        while self._read_to < LARGEST and len(self._lines) < MOST:
            data = os.pread(fd, 4 << 20, self._read_to)
            whole = data[: data.rfind(b"\n") + 1]
            if not whole:
                if len(data) < 4 << 20:  # a line that isn't finished yet
                    break
                whole = data  # no newline in four megabytes: that is none of its lines
            self._read_to += len(whole)
            self.parse(whole)
        return len(self._lines) > before

    def parse(self, data: bytes) -> None:
        """Lines; those of another form are left out."""
        for match in _LINE.finditer(data):
            if len(self._lines) >= MOST:
                return
            start, size = int(match[1], 16), int(match[2], 16)
            if size:
                self._lines.append((start, len(self._lines), size))
                self._names.append(match[3][:_LONGEST])
                self._sorted = False

    def at(self, address: int) -> tuple[str, int] | None:
        """The function there, and how far from its beginning that is."""
        if not self._sorted:
            self._lines.sort()
            self._starts = array("Q", [start for start, _, _ in self._lines])
            self._sorted = True
        after = bisect_right(self._starts, address)
        found = [line for line in self._lines[max(after - _FURTHEST, 0) : after] if address < line[0] + line[2]]
        if not found:
            return None
        start, order, _ = max(found, key=lambda line: line[1])
        return text(self._names[order]), address - start
