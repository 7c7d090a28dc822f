"""The ring buffer's consumer: maps its pages, follows the producer, waits by epoll.

Source: the kernel's documentation, "BPF ring buffer". Since Linux 5.8.
"""

from __future__ import annotations

import mmap
import select
import threading
import time
from collections.abc import Callable, Iterator
from struct import Struct
from typing import Any

from pyebpf import layout
from pyebpf.loader.load import LoadedMap
from pyebpf.runtime.decode import decoder

BUSY, DISCARDED = 1 << 31, 1 << 30
HEADER = 8
"""Bytes before each record: its length with the two bits, and a page offset that only the kernel uses."""
# In native form a number is one load or store of the machine; standard forms ("=Q") go byte by byte, and the kernel
# could see half of a new position. Acquire and release come with x86-64's memory order; elsewhere the interpreter's
# own locked operations between two reads have to do, for Python has no barriers.
POSITION, LENGTH = Struct("Q"), Struct("I")
SLICE = 0.25
"""Seconds of waiting after which an iteration looks whether the ring was closed."""


class Ring:
    """Records of a ring, in order, as bytes."""

    def __init__(self, loaded: LoadedMap) -> None:
        self.size = loaded.spec.max_entries
        self._mask = self.size - 1
        page = mmap.PAGESIZE
        self._consumer = mmap.mmap(loaded.fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        # The data pages come twice in a row, so that no record is ever cut in two.
        self._producer = mmap.mmap(loaded.fd, page + 2 * self.size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._data = page
        self._epoll = select.epoll()
        self._epoll.register(loaded.fd, select.EPOLLIN)
        self._lock = threading.RLock()  # a session that is collected meanwhile closes its rings in this very thread
        self.closed = False

    def read(self, most: int | None = None) -> list[bytes]:
        """All records that are complete by now, at most `most` of them. Threads get different ones."""
        with self._lock:
            try:
                return [] if self.closed else self._read(most)
            except ValueError:
                if not self.closed:
                    raise
                return []

    def _read(self, most: int | None) -> list[bytes]:
        found: list[bytes] = []
        position: int = POSITION.unpack_from(self._consumer, 0)[0]
        start = position
        end: int = POSITION.unpack_from(self._producer, 0)[0]
        while position < end and (most is None or len(found) < most):
            at = self._data + (position & self._mask)
            header: int = LENGTH.unpack_from(self._producer, at)[0]
            if header & BUSY:
                break
            length = header & ~(BUSY | DISCARDED)
            if not header & DISCARDED:
                found.append(self._producer[at + HEADER : at + HEADER + length])
            position += layout.round_up(length + HEADER, 8)
        if position != start:
            POSITION.pack_into(self._consumer, 0, position)
        return found

    def wait(self, timeout: float | None) -> list[bytes]:
        """As `read`, but waits up to `timeout` seconds (None: for ever) for the first record."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.closed:
            found = self.read()
            if found:
                return found
            left = SLICE if deadline is None else min(SLICE, deadline - time.monotonic())
            if left <= 0:
                return []
            try:
                self._epoll.poll(left)
            except (OSError, ValueError):  # closed by another thread
                if not self.closed:
                    raise
        return []

    def fileno(self) -> int:
        """Readable when there are records: for select, epoll and asyncio."""
        return self._epoll.fileno()

    def close(self) -> None:
        """Close it; nothing happens the second time."""
        with self._lock:
            if not self.closed:
                self.closed = True
                self._epoll.close()
                self._consumer.close()
                self._producer.close()


class RingBufView:
    """A loaded RingBuf: an iterable of events, which ends when the session closes."""

    def __init__(self, loaded: LoadedMap, dropped: Callable[[], int]) -> None:
        self.name = loaded.spec.name
        self.kind = loaded.spec.kind
        self.type = loaded.spec.value
        self.ring = Ring(loaded)
        self._decode = decoder(self.type) if self.type is not None else None
        self._dropped = dropped

    def decode(self, record: bytes) -> Any:
        """A record as an event; as bytes in objects that don't say what it is."""
        if self._decode is None or self.type is None or len(record) < self.type.size:
            return record
        return self._decode(record, 0)

    def poll(self, timeout: float | None = 0) -> list[Any]:
        """Events that are there by now, waiting up to `timeout` seconds (None: for ever) for the first one."""
        records = self.ring.read() if timeout == 0 else self.ring.wait(timeout)
        return [self.decode(record) for record in records]

    def __iter__(self) -> Iterator[Any]:
        while not self.ring.closed:
            yield from self.poll(None)

    __contains__ = None  # by default Python would iterate, and so wait for ever for what may never come

    def read_numpy(self) -> Any:
        """All events that are there by now, as a structured array."""
        import numpy

        from pyebpf.runtime.arrays import dtype

        if self.type is None:
            raise TypeError(f"the object doesn't say what {self.name} carries")
        size = self.type.size
        records = [record[:size] for record in self.ring.read() if len(record) >= size]
        return numpy.frombuffer(b"".join(records), dtype(self.type)).copy()

    @property
    def dropped(self) -> int:
        """Events that found the ring full, since the program was loaded."""
        return self._dropped()

    def fileno(self) -> int:
        return self.ring.fileno()

    def __repr__(self) -> str:
        state = "closed" if self.ring.closed else f"{self.dropped} dropped"
        return f"<RingBuf {self.name} of {self.type}, {state}>"
