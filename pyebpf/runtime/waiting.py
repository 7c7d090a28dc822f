"""Waiting for records by epoll, until somebody closes what they come from."""

from __future__ import annotations

import select
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import final

from pyebpf.views.pace import Pace, usual
from pyebpf.views.rings import SLICE, first_found


class Waiting(ABC):
    """Records that may be there when one of several descriptors becomes readable."""

    def __init__(self, descriptors: Iterable[int], room: int) -> None:
        """`room`: bytes of the smallest of the buffers."""
        self.closed = False
        self.pace = Pace(usual(room))
        self._epoll = select.epoll()
        for descriptor in descriptors:
            self._epoll.register(descriptor, select.EPOLLIN)

    @abstractmethod
    def read(self, most: int | None = None) -> list[bytes]:
        """All records that are complete by now, at most `most` of them. Threads get different ones."""

    def wait(self, timeout: float | None) -> list[bytes]:
        """As `read`, but waits up to `timeout` seconds (None: for ever) for the first record."""
        return first_found(self.read, self.moments(timeout))

    def moments(self, timeout: float | None) -> Iterator[None]:
        """Moments at which there may be records, the first of them now, for `timeout` seconds (None: for ever) or until
        it is closed. Where they follow each other quickly, they are as far apart as `pace` says."""
        deadline = None if timeout is None else time.monotonic() + timeout
        self.pace.pause(deadline)
        while not self.closed:
            self.pace.looked()
            yield
            if deadline is not None and time.monotonic() >= deadline:
                return
            self.pace.pause(deadline)  # before it is waited for events: the first of them would end that
            left = SLICE if deadline is None else min(SLICE, deadline - time.monotonic())
            try:
                self._epoll.poll(max(left, 0))
            except (OSError, ValueError):  # closed by another thread
                if not self.closed:
                    raise

    def fileno(self) -> int:
        """Readable when there are records: for select, epoll and asyncio."""
        return self._epoll.fileno()


@final
class Several:
    """Rings that are waited for together."""

    def __init__(self, descriptors: Iterable[int]) -> None:
        self._epoll = select.epoll()
        for descriptor in descriptors:
            self._epoll.register(descriptor, select.EPOLLIN)

    def wait(self, seconds: float) -> None:
        """Until there may be something, or the time is over."""
        self._epoll.poll(seconds)

    def fileno(self) -> int:
        return self._epoll.fileno()

    def close(self) -> None:
        self._epoll.close()
