"""Waiting for records by epoll, until somebody closes what they come from."""

from __future__ import annotations

import select
import time
from collections.abc import Iterable, Iterator
from typing import final

from pyebpf.views.rings import SLICE


class Waiting:
    """What becomes readable when one of several descriptors does."""

    def __init__(self, descriptors: Iterable[int]) -> None:
        self.closed = False
        self._epoll = select.epoll()
        for descriptor in descriptors:
            self._epoll.register(descriptor, select.EPOLLIN)

    def moments(self, timeout: float | None) -> Iterator[None]:
        """Moments at which there may be records, the first of them now, for `timeout` seconds (None: for ever) or until
        it is closed."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.closed:
            yield
            left = SLICE if deadline is None else min(SLICE, deadline - time.monotonic())
            if left <= 0:
                return
            try:
                self._epoll.poll(left)
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
