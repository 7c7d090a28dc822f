"""The ring buffer's consumer: maps its pages, follows the producer, waits by epoll.

Source: the kernel's documentation, "BPF ring buffer". Since Linux 5.8.
"""

from __future__ import annotations

import mmap
import select
import threading
import time
from struct import Struct

from pyebpf import layout
from pyebpf.loader.load import LoadedMap

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
