"""The reader of perf buffers: one of each CPU, whose records it puts in the order of their times.

Each record brings the time at which it was written, in ns of CLOCK_MONOTONIC (4.1), which is the same on all CPUs: what
is read at once is in this order. Between two reads, a record may come late by as long as it takes to look from the
first CPU's buffer to the last one's. Within a CPU the order is always that of writing.

Buffers are opened for the CPUs that are online then. Events on one that comes later find no buffer, and are counted as
dropped. Source: perf_event_open(2), `__bpf_perf_event_output` in kernel/trace/bpf_trace.c. Since Linux 4.4.
"""

from __future__ import annotations

import errno
import mmap
import os
import struct
import threading
import time
from collections import deque
from contextlib import ExitStack
from itertools import chain
from operator import itemgetter
from typing import Final, TypeAlias, final

from pyebpf import layout
from pyebpf.kernel import perf_events
from pyebpf.kernel.perf_events import Record
from pyebpf.kernel.versions import Version
from pyebpf.loader import sys
from pyebpf.loader.cpus import online_cpus
from pyebpf.loader.errors import LoadError, explain
from pyebpf.loader.load import LoadedMap
from pyebpf.loader.perf_pages import PerfPages, open_pages
from pyebpf.runtime.waiting import Waiting

SAMPLE: Final = struct.Struct("=QI")
"""A record begins with its time and the size of what the program wrote, which the kernel rounds up."""
HEAD: Final = struct.Struct("=QQI")
"""The same behind a record's header, `KIND`."""
KIND: Final = struct.Struct("=IHH")
"""Type, bits that say more, length with the header."""
Timed: TypeAlias = tuple[int, bytes]
"""A record with its time."""
ANSWERS: Final[Version] = (5, 1)
"""Programs are told that an event found no room (commit 56201969205a); before, only records of loss say so."""
PAGES: Final = 64
"""Of each CPU, where the object doesn't say it."""
LEAST: Final = 64 * 1024
"""Bytes that each CPU has at least of a ring's size, for what it writes in a burst."""


def cpu_bytes(kind: str, room: int) -> int:
    """The size of a CPU's buffer, from what the object says of all (`metadata.MapInfo.room`)."""
    if kind != "RingBuf":
        return (room or PAGES) * mmap.PAGESIZE
    share = max(room // len(online_cpus()), LEAST, mmap.PAGESIZE)
    return 1 << (share - 1).bit_length()


@final
class PerfRing(Waiting):
    """Records that programs write by perf_event_output, of all CPUs, as bytes."""

    def __init__(self, loaded: LoadedMap, size: int) -> None:
        """`size` bytes for each CPU. Who waits is woken by every record. Raises LoadError."""
        self.size = size
        self.map_fd = loaded.fd
        self._lock = threading.RLock()
        self._left: deque[bytes] = deque()
        self._lost = 0
        self._pages: list[PerfPages] = []
        what = f"open perf buffer {loaded.spec.name}"
        with ExitStack() as failed:
            for cpu in online_cpus():
                if cpu >= loaded.spec.max_entries:
                    break
                try:
                    pages, told = _opened(cpu, size)
                    failed.callback(pages.close)
                    sys.map_update(loaded.fd, struct.pack("=I", cpu), struct.pack("=i", pages.fileno()))
                except OSError as error:
                    if error.errno == errno.ENODEV:  # it went offline meanwhile
                        continue
                    raise _explained(error, what, size) from error
                self._pages.append(pages)
                self._told = told
            super().__init__((pages.fileno() for pages in self._pages), size)
            failed.pop_all()

    def read(self, most: int | None = None) -> list[bytes]:
        """All records that are there by now, at most `most` of them. Threads get different ones."""
        with self._lock:
            if self.closed:
                return []
            self._left.extend(record for _, record in self._ordered([self._parsed(each) for each in self._pages]))
            count = len(self._left) if most is None else min(most, len(self._left))
            return [self._left.popleft() for _ in range(count)]

    @staticmethod
    def _parsed(pages: PerfPages, data: bytes | None = None) -> list[Timed]:
        """What programs wrote, one by one."""
        found = []
        for kind, _, contents in pages.read() if data is None else pages.parsed(data):
            if kind == Record.SAMPLE and len(contents) >= SAMPLE.size:
                time, size = SAMPLE.unpack_from(contents)
                found.append((time, contents[SAMPLE.size : SAMPLE.size + size]))
        return found

    @staticmethod
    def _ordered(found: list[list[Timed]]) -> list[Timed]:
        """Those of all CPUs, in the order of their times."""
        some = [each for each in found if each]
        if len(some) < 2:
            return some[0] if some else []
        return sorted(chain.from_iterable(some), key=itemgetter(0))

    def take(self, size: int) -> tuple[bytes, list[bytes]]:
        """All records that are complete by now, one after the other, where all have this size and nothing else came
        with them; one by one otherwise."""
        with self._lock:
            if self.closed:
                return b"", []
            if self._left:
                return b"", self.read()
            whole, found = True, []
            for pages in self._pages:
                data = pages.take()
                same = _alike(data, size)
                whole = whole and same is not None
                found.append(self._parsed(pages, data) if same is None else same)
            ordered = self._ordered(found)
            if whole:
                return b"".join(map(itemgetter(1), ordered)), []
            return b"", [record[:size] for _, record in ordered]

    @property
    def lost(self) -> int:
        """Records that found no room, as the kernel counts them: before 6.0, those that it has told by a record of
        loss, which comes with the next that finds room again."""
        with self._lock:
            if not self.closed:
                self._lost = sum(self._lost_of(pages) for pages in self._pages)
            return self._lost

    def _lost_of(self, pages: PerfPages) -> int:
        if not self._told:
            return pages.lost
        return int(struct.unpack("=QQ", os.read(pages.fileno(), 16))[1])

    def close(self) -> None:
        """Close it; nothing happens the second time."""
        with self._lock:
            if not self.closed:
                _ = self.lost
                self.closed = True
                self._epoll.close()
                for pages in self._pages:
                    pages.close()


def _alike(data: bytes, size: int) -> list[Timed] | None:
    """Records of this size, without a look at each; None if there is anything else."""
    step = layout.round_up(HEAD.size + size, 8)
    if len(data) % step:
        return None
    rows = list(struct.Struct(f"=QQ4x{size}s{step - HEAD.size - size}x").iter_unpack(data))
    for header in {header for header, _, _ in rows}:
        kind, _, length = KIND.unpack(struct.pack("=Q", header))
        if (kind, length) != (Record.SAMPLE, step):
            return None
    return [(time, record) for _, time, record in rows]


def _opened(cpu: int, size: int) -> tuple[PerfPages, bool]:
    """The buffer of a CPU, and whether reading its event tells of losses. Raises OSError."""
    sample = perf_events.SAMPLE_TIME | perf_events.SAMPLE_RAW
    for read_format in (perf_events.FORMAT_LOST, 0):
        try:
            pages = open_pages(
                *(perf_events.SOFTWARE_BPF_OUTPUT, cpu, size),
                sample=sample,
                read_format=read_format,
                clock=time.CLOCK_MONOTONIC,
            )
            return pages, bool(read_format)
        except OSError as error:
            if error.errno != errno.EINVAL or not read_format:
                raise
    raise AssertionError


def _explained(error: OSError, what: str, size: int) -> LoadError:
    if error.errno == errno.EPERM:  # of mmap(2); perf_event_open answers EACCES
        text = f"{size:,} bytes for each CPU are more than may be locked (kernel.perf_event_mlock_kb, ulimit -l)"
        return LoadError(f"cannot {what}: {text}; CAP_IPC_LOCK lifts that", "privileges")
    return explain(error, what, needed=("CAP_PERFMON",))
