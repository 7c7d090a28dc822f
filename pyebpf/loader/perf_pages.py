"""Records of a perf event, which the kernel writes to pages that it shares: one reader, and nothing is lost unseen.

Source: `struct perf_event_mmap_page`, `struct perf_event_header` and `enum perf_event_type` in
include/uapi/linux/perf_event.h; perf_event_open(2). Data has its place and size in the first page since 4.1.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import threading
from collections.abc import Iterator
from struct import Struct
from sys import byteorder
from types import TracebackType
from typing import Final, final

from pyebpf.kernel.perf_events import ATTRIBUTES, CLOCK_ATTRIBUTES, USE_CLOCKID, EventType, Record, laid_out
from pyebpf.loader.memory import mapped, unmap
from pyebpf.loader.sys import Descriptor, perf_event_open

_HEADER: Final = Struct("=IHH")
"""Type, bits that say more (`misc`), bytes with the header: a multiple of eight."""
_HEAD, _TAIL, _PLACE = 1024, 1032, 1040
"""Offsets in the first page: how far the kernel has written, how far somebody has read, where data lies."""


@final
class PerfPages:
    """The pages of one event. Several threads may read: each record goes to one of them.

    A child of fork(2) doesn't have the pages (the kernel leaves them out) and reads nothing.
    """

    def __init__(self, event: Descriptor, size: int) -> None:
        """`size` bytes of data, a power of two pages. The event is closed with this. Raises OSError: EPERM where it is
        more than the user may keep in memory (kernel.perf_event_mlock_kb, RLIMIT_MEMLOCK)."""
        if size < mmap.PAGESIZE or size & (size - 1):
            raise ValueError(f"{size} bytes are no power of two pages")
        self.size = size
        self.lost = 0
        """Records that the kernel had no room for, as far as it has said so: it does before the next that has room."""
        self._event = event
        self._owner = os.getpid()
        self._lock = threading.RLock()
        self._address = 0
        protection = mmap.PROT_READ | mmap.PROT_WRITE  # what can't be written, the kernel writes over before it is read
        self._address = mapped(event.fd, size + mmap.PAGESIZE, protection)
        # One load or store of the machine each, so that no half of a number is seen. On machines that order memory
        # less strictly than x86-64, the interpreter's own locked operations in between have to do.
        self._head = ctypes.c_uint64.from_address(self._address + _HEAD)
        self._tail = ctypes.c_uint64.from_address(self._address + _TAIL)
        self._data = self._address + (ctypes.c_uint64.from_address(self._address + _PLACE).value or mmap.PAGESIZE)

    def fileno(self) -> int:
        """For poll(2): readable when as much is there as the event's attributes say. Raises ValueError if closed."""
        return self._event.fd

    @property
    def closed(self) -> bool:
        return not self._address

    def take(self) -> bytes:
        """All that is complete by now, one record after the other, with their headers; its place is given back."""
        with self._lock:
            if not self._address or os.getpid() != self._owner:
                return b""
            head, tail = self._head.value, self._tail.value
            waiting = min(head - tail, self.size)
            at = tail % self.size
            first = min(waiting, self.size - at)
            data = ctypes.string_at(self._data + at, first) + ctypes.string_at(self._data, waiting - first)
            self._tail.value = head
            return data

    def read(self) -> list[tuple[int, int, bytes]]:
        """Type, misc and contents of each record that is complete by now. Records of loss are counted in `lost`, and
        not among them."""
        with self._lock:
            return self.parsed(self.take())

    def parsed(self, data: bytes) -> list[tuple[int, int, bytes]]:
        """The same of what `take` gave."""
        with self._lock:
            found = []
            for kind, misc, contents in records(data):
                if kind == Record.LOST:  # the event's id, how many
                    self.lost += int.from_bytes(contents[8:16], byteorder)
                elif kind == Record.LOST_SAMPLES:
                    self.lost += int.from_bytes(contents[:8], byteorder)
                else:
                    found.append((kind, misc, contents))
            return found

    def close(self) -> None:
        """Let go of the pages and of the event; nothing happens the second time."""
        with self._lock:
            address, self._address = self._address, 0
            if address and os.getpid() == self._owner:  # in a child, something else may lie there by now
                unmap(address, self.size + mmap.PAGESIZE)
            self._event.close()

    def __enter__(self) -> PerfPages:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_address", 0):
            self.close()


def open_pages(
    config: int,
    cpu: int,
    size: int,
    *,
    pid: int = -1,
    sample: int = 0,
    read_format: int = 0,
    flags: int = 0,
    wakeup: int = 1,
    clock: int | None = None,
) -> PerfPages:
    """A software event (`SOFTWARE_BPF_OUTPUT`, `SOFTWARE_DUMMY`) of a CPU, or of one thread there, with its pages.
    `sample`, `read_format`, `flags` and `wakeup` are the attributes' (`kernel.perf_events`); `clock` is what times are
    of (4.1), `time.CLOCK_MONOTONIC`, if not of the scheduler's. Raises OSError: EACCES or EPERM without CAP_PERFMON
    (before 5.8 CAP_SYS_ADMIN), ENODEV where the CPU isn't online."""
    more = b"" if clock is None else CLOCK_ATTRIBUTES.pack(clock)
    flags |= 0 if clock is None else USE_CLOCKID
    numbers = (ATTRIBUTES.size + len(more), config, 1, sample, read_format, laid_out(flags), wakeup, 0, 0, 0)
    event = perf_event_open(ATTRIBUTES.pack(EventType.SOFTWARE, *numbers) + more, pid, cpu)
    try:
        return PerfPages(event, size)
    except BaseException:
        event.close()
        raise


def records(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Type, misc and contents of the records in what `PerfPages.take` gave."""
    at, end = 0, len(data)
    while at + _HEADER.size <= end:
        kind, misc, size = _HEADER.unpack_from(data, at)
        if size < _HEADER.size or at + size > end:
            return
        yield kind, misc, data[at + _HEADER.size : at + size]
        at += size
