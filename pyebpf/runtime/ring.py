"""The ring buffer's consumer: maps its pages, follows the producer, waits by epoll.

Source: the kernel's documentation, "BPF ring buffer". Since Linux 5.8.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
from contextlib import suppress
from struct import Struct
from typing import final

from pyebpf import layout
from pyebpf.loader.load import LoadedMap
from pyebpf.loader.memory import mapped, unmap
from pyebpf.runtime import native
from pyebpf.runtime.waiting import Waiting

BUSY, DISCARDED = 1 << 31, 1 << 30
HEADER = 8
"""Bytes before each record: its length with the two bits, and a page offset that only the kernel uses."""
# In native form a number is one load or store of the machine; standard forms ("=Q") go byte by byte, and the kernel
# could see half of a new position. Acquire and release come with x86-64's memory order; elsewhere the interpreter's
# own locked operations between two reads have to do, for Python has no barriers.
POSITION, LENGTH = Struct("Q"), Struct("I")
LEAST = 64 * 1024
"""Bytes of memory that are kept for records."""
MANY = 10_000
"""Records after which it is worth a tenth of a second to have machine code for it."""


@final
class FastRing:
    """A ring's pages once more, for machine code."""

    def __init__(self, drain: native.Drain, fd: int, size: int) -> None:
        page = mmap.PAGESIZE
        self._drain, self._mask = drain, size - 1
        self._consumer = Pages(fd, page, mmap.PROT_READ | mmap.PROT_WRITE, 0)
        self._producer = Pages(fd, page + 2 * size, mmap.PROT_READ, page)
        self._odd = ctypes.c_uint64()
        self._memory = Memory()
        self._busy = self._closing = False

    def take(self, size: int) -> tuple[memoryview, bool]:
        """The first `size` bytes of each record that is complete by now, and whether one that is shorter comes next."""
        self._busy = True
        try:
            return self._take(size)
        finally:
            self._busy = False
            if self._closing:
                self.close()

    def _take(self, size: int) -> tuple[memoryview, bool]:
        consumer, producer = self._consumer.address, self._producer.address
        waiting = ctypes.c_uint64.from_address(producer).value - ctypes.c_uint64.from_address(consumer).value
        most = waiting // layout.round_up(size + HEADER, 8)
        data = self._memory.room(most * size + 8)
        self._odd.value = 0
        place = ctypes.addressof(ctypes.c_char.from_buffer(data))
        data_pages = producer + mmap.PAGESIZE
        odd = ctypes.addressof(self._odd)
        found = self._drain(consumer, producer, data_pages, self._mask, place, size, most, odd)
        return memoryview(data)[: found * size], bool(self._odd.value)

    def close(self) -> None:
        """Let the pages go; not under the feet of `take`, in the midst of which a session may be collected."""
        self._closing = True
        if self._busy:
            return
        self._consumer.close()
        self._producer.close()


@final
class Memory:
    """Where records are copied to: new memory costs more than the copying, so it is used again when nobody has an array
    or a view of it any more."""

    def __init__(self) -> None:
        self._kept = bytearray(LEAST)

    def room(self, size: int) -> bytearray:
        """At least `size` bytes, of any contents."""
        if len(self._kept) < size or not self._is_free():
            self._kept = bytearray(max(LEAST, size + size // 8))
        return self._kept

    def _is_free(self) -> bool:
        try:
            last = self._kept.pop()  # Python allows that as long as nobody looks at the bytes
        except BufferError:
            return False
        self._kept.append(last)
        return True


@final
class Pages:
    """Shared pages of a file, by their address."""

    def __init__(self, fd: int, size: int, protection: int, offset: int) -> None:
        self.address, self._size = mapped(fd, size, protection, offset=offset), size

    def close(self) -> None:
        """Nothing happens the second time."""
        address, self.address = self.address, 0
        if address:
            unmap(address, self._size)

    def __del__(self) -> None:
        self.close()


@final
class Ring(Waiting):
    """Records of a ring, in order, as bytes."""

    def __init__(self, loaded: LoadedMap) -> None:
        self.size = loaded.spec.max_entries
        self.map_fd = loaded.fd
        """The map's descriptor, for other tools; `fileno` is for waiting."""
        self._mask = self.size - 1
        page = mmap.PAGESIZE
        self._consumer = mmap.mmap(loaded.fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        # The data pages come twice in a row, so that no record is ever cut in two.
        self._producer = mmap.mmap(loaded.fd, page + 2 * self.size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._data = page
        super().__init__((loaded.fd,), self.size)
        self._lock = threading.RLock()  # a session that is collected meanwhile closes its rings in this very thread
        self._fast: FastRing | None = None
        self._asked = False
        """Whether machine code was looked for: not for a ring that is only read record by record, or never."""
        self._seen = 0

    def _start_fast(self, make: bool) -> None:
        drain = native.drain(make)
        if drain is not None:
            with suppress(OSError):
                self._fast = FastRing(drain, self.map_fd, self.size)

    @property
    def is_fast(self) -> bool:
        """Whether machine code reads it."""
        return self._fast is not None

    def take(self, size: int) -> tuple[bytes | memoryview, list[bytes]]:
        """All records that are complete by now: the first `size` bytes of each, one after the other; and those that
        were read one by one, after these: all of them until there is machine code for it, and what follows a record
        that is shorter."""
        with self._lock:
            if self.closed:
                return b"", []
            if not self._asked:
                self._asked = True
                self._start_fast(make=False)
            if self._fast is None:
                return b"", self._counted(self.read())
            data, strange = self._fast.take(size)
            return data, self.read() if strange else []

    def _counted(self, records: list[bytes]) -> list[bytes]:
        """`records`; when there have been many, what follows is read by machine code."""
        self._seen += len(records)
        if self._seen >= MANY:
            self._seen = 0
            self._start_fast(make=True)
        return records

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

    def close(self) -> None:
        """Close it; nothing happens the second time."""
        with self._lock:
            if not self.closed:
                self.closed = True
                if self._fast is not None:
                    self._fast.close()
                self._epoll.close()
                self._consumer.close()
                self._producer.close()
