"""Events that were taken out of a ring, until somebody has them.

They stay bytes, of which some at a time become objects: a ring of 16 MB is no more than that while it is iterated. Who
leaves a loop in the midst of it leaves the rest to whoever reads next.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, final

from pyebpf.views.columns import Buffer

SOME: Final = 1000
"""Events that become objects at a time."""


@final
class Unread:
    """In their order: events of `size` bytes each, then records that are decoded one by one."""

    def __init__(self, size: int, many: Callable[[Buffer], list[Any]], one: Callable[[bytes], Any]) -> None:
        """`size`: 0 where there are none of one size."""
        self._size, self._many, self._one = size, many, one
        self._lock = threading.RLock()
        self._data: Any = b""
        self._at = 0
        """Up to where `_data` are objects by now."""
        self._ready: deque[Any] = deque()
        """Those of them that nobody has yet: the last."""
        self._rest: deque[bytes] = deque()

    def next(self, refill: Callable[[], tuple[Any, Iterable[bytes]]]) -> list[Any]:
        """A list of the next event alone, or an empty one. `refill` gives more, if nothing is left."""
        with self._lock:
            if not self._ready and not self._rest and self._at >= len(self._data):
                self._data, self._at = b"", 0  # its memory may be what the ring uses next
                self._data, rest = refill()
                self._rest.extend(rest)
            if not self._ready and self._at < len(self._data):
                end = min(self._at + SOME * self._size, len(self._data))
                self._ready.extend(self._many(self._data[self._at : end]))
                self._at = end
            if self._ready:
                return [self._ready.popleft()]
            return [self._one(self._rest.popleft())] if self._rest else []

    def all(self) -> list[Any]:
        """All of them, as objects."""
        with self._lock:
            found = [*self._ready, *(self._many(self._data[self._at :]) if self._at < len(self._data) else ())]
            found += map(self._one, self._rest)
            self._clear()
            return found

    def bytes(self) -> tuple[Any, list[bytes]]:
        """All of them, as they are."""
        with self._lock:
            found = self._data[self._at - len(self._ready) * self._size :], list(self._rest)
            self._clear()
            return found

    def _clear(self) -> None:
        self._data, self._at = b"", 0
        self._ready.clear()
        self._rest.clear()
