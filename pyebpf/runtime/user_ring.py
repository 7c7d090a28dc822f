"""Rings that user space writes: their pages, and how programs are let see what is written.

Source: `bpf_user_ringbuf_drain` and `__bpf_user_ringbuf_peek` in kernel/bpf/ringbuf.c. Since Linux 6.1.
"""

from __future__ import annotations

import mmap
import select
import threading
import time
from typing import Final, final

from pyebpf.loader.load import LoadedMap
from pyebpf.runtime.ring import LENGTH, POSITION
from pyebpf.views.user_rings import HEADER, UserRingView, space

BRIEFLY: Final = 0.001
"""Seconds after which it is tried again where there is some room, and not enough."""


def view_of(loaded: LoadedMap) -> UserRingView:
    return UserRingView(loaded.spec.name, loaded.spec.kind, loaded.spec.value, UserRing(loaded))


@final
class UserRing:
    """A ring's pages. The kernel takes one writer at a time: that is this process, and of its threads the one that has
    the lock."""

    def __init__(self, loaded: LoadedMap) -> None:
        self.size = loaded.spec.max_entries
        self.closed = False
        self._mask = self.size - 1
        page = mmap.PAGESIZE
        self._consumer = mmap.mmap(loaded.fd, page, mmap.MAP_SHARED, mmap.PROT_READ, offset=0)
        # The data pages come twice in a row, so that no record is ever cut in two.
        both = mmap.PROT_READ | mmap.PROT_WRITE
        self._producer = mmap.mmap(loaded.fd, page + 2 * self.size, mmap.MAP_SHARED, both, offset=page)
        self._data = page
        self._epoll = select.epoll()
        self._epoll.register(loaded.fd, select.EPOLLOUT)
        self._lock = threading.RLock()  # a session that is collected meanwhile closes it in this very thread

    @property
    def free(self) -> int:
        with self._lock:
            self._check_open()
            return self.size - (_position(self._producer) - _position(self._consumer))

    def write(self, data: bytes) -> bool:
        """Write one record; False if there is no room. It is complete before the kernel sees it, which so never finds
        one that is still busy."""
        with self._lock:
            if self.free < space(data):
                return False
            position = _position(self._producer)
            at = self._data + (position & self._mask)
            LENGTH.pack_into(self._producer, at, len(data))
            LENGTH.pack_into(self._producer, at + 4, 0)
            self._producer[at + HEADER : at + HEADER + len(data)] = data
            POSITION.pack_into(self._producer, 0, position + space(data))
            return True

    def wait(self, seconds: float) -> None:
        """Until a program has taken something, or the time is over."""
        start = time.monotonic()
        try:
            self._epoll.poll(seconds)
        except (OSError, ValueError):  # closed by another thread
            self._check_open()
            raise
        if time.monotonic() - start < BRIEFLY:  # there is some room, for shorter records
            time.sleep(min(BRIEFLY, seconds))

    def _check_open(self) -> None:
        if self.closed:
            raise ValueError("the session is closed")

    def close(self) -> None:
        with self._lock:
            if not self.closed:
                self.closed = True
                self._epoll.close()
                self._consumer.close()
                self._producer.close()


def _position(page: mmap.mmap) -> int:
    return int(POSITION.unpack_from(page, 0)[0])
