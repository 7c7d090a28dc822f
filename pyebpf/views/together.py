"""Several rings in one loop."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import closing
from typing import Any, Protocol, TypeAlias, final

from pyebpf.views.pace import Pace
from pyebpf.views.rings import SLICE, RingBufView, readable, rested


class Poll(Protocol):
    """Waits for several descriptors at once."""

    def wait(self, seconds: float) -> None: ...

    def fileno(self) -> int: ...

    def close(self) -> None: ...


Opened: TypeAlias = Callable[[list[int]], Poll]


@final
class Together:
    """Events of several rings with their rings' names, as they come. Each event goes to one of those who read.

    Within a ring they are in its order. Of rings, those are gone through that have something when somebody looks, one
    after the other: between two of them the order is known no more closely than that.
    """

    def __init__(self, rings: Mapping[str, RingBufView], timeout: float | None, opened: Opened) -> None:
        self._rings = dict(rings)
        self._timeout = timeout
        self._opened = opened

    def _now(self) -> Iterator[tuple[str, Any]]:
        """Those that are there by now."""
        for name, view in self._rings.items():
            for event in view.now():
                yield name, event

    @property
    def _open(self) -> bool:
        return any(not view.ring.closed for view in self._rings.values())

    def _left(self, since: float) -> float:
        """Seconds to wait before looking again; none or less at the end of the time."""
        return SLICE if self._timeout is None else min(SLICE, since + self._timeout - time.monotonic())

    def _pace(self) -> Pace:
        """That of the ring with the least time."""
        return Pace(min(view.gather for view in self._rings.values()))

    def _poll(self) -> Poll:
        return self._opened([view.fileno() for view in self._rings.values() if not view.ring.closed])

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Until the session closes, or nothing has come for as long as the timeout says."""
        if not self._open:
            return
        with closing(self._poll()) as poll:
            since, pace = time.monotonic(), self._pace()
            while self._open:
                pace.looked()
                for each in self._now():
                    yield each
                    since = time.monotonic()
                left = self._left(since)
                if left <= 0:
                    return
                pace.pause(time.monotonic() + left)
                poll.wait(max(self._left(since), 0))

    async def __aiter__(self) -> AsyncIterator[tuple[str, Any]]:
        """The same in asyncio's loop."""
        if not self._open:
            return
        with closing(self._poll()) as poll:
            since, pace = time.monotonic(), self._pace()
            while self._open:
                pace.looked()
                for each in self._now():
                    yield each
                    since = time.monotonic()
                left = self._left(since)
                if left <= 0:
                    return
                await rested(pace, left)
                await readable(poll.fileno(), max(self._left(since), 0))
