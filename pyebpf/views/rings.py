"""Rings as iterables of events."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol, final

from pyebpf import layout
from pyebpf.decode import record_decoder
from pyebpf.views.columns import decoded

if TYPE_CHECKING:
    from asyncio import Future


SLICE = 0.25
"""Seconds of waiting after which an iteration looks whether the ring was closed."""


class Records(Protocol):
    """Records of a ring, in order, as bytes."""

    closed: bool

    def read(self, most: int | None = None) -> list[bytes]:
        """All records that are there by now, at most `most` of them; each is read once."""

    def take(self, size: int) -> tuple[bytearray, list[bytes]]:
        """All records that are there by now: the first `size` bytes of each, one after the other, and those that follow
        one by one."""

    def wait(self, timeout: float | None) -> list[bytes]:
        """As `read`, but waits up to `timeout` seconds (None: for ever) for the first record."""

    def moments(self, timeout: float | None) -> Iterator[None]:
        """Moments at which there may be records, the first of them now."""

    def fileno(self) -> int:
        """Readable when there are records."""

    def close(self) -> None:
        """Close it; nothing happens the second time."""


def first_found(read: Callable[[], list[Any]], moments: Iterator[None]) -> list[Any]:
    """What `read` finds at the first of the `moments` at which there is anything."""
    for _ in moments:
        found = read()
        if found:
            return found
    return []


@final
class Backlog:
    """Records that were taken out of a ring, until somebody reads them; `source` is the ring where it has one."""

    def __init__(self, source: Records | None = None) -> None:
        self.closed = False
        self._source = source
        self._records: deque[bytes] = deque()

    def add(self, records: list[bytes]) -> None:
        """What was read from the ring."""
        self._records.extend(records)

    def read(self, most: int | None = None) -> list[bytes]:
        if self._source is not None and not self.closed:
            self.add(self._source.read())
        count = len(self._records) if most is None else min(most, len(self._records))
        return [self._records.popleft() for _ in range(count)]

    def take(self, size: int) -> tuple[bytearray, list[bytes]]:
        return bytearray(), self.read()

    def wait(self, timeout: float | None) -> list[bytes]:
        return first_found(self.read, self.moments(timeout))

    def moments(self, timeout: float | None) -> Iterator[None]:
        """Now: nothing comes while a test waits. Without a time limit it would wait for ever."""
        yield
        if timeout is None:
            raise ValueError(
                "there are no more events, and none come while the test waits: poll() gives those there are"
            )

    def fileno(self) -> int:
        raise ValueError("the ring of a test has no file descriptor")

    def close(self) -> None:
        self.closed = True
        if self._source is not None:
            self._source.close()


class RingBufView:
    """A loaded RingBuf or PerfEventArray: an iterable of events, which ends when the session closes. `type` is that of
    its events."""

    def __init__(
        self,
        name: str,
        kind: str,
        type: layout.Type | None,
        ring: Records,
        dropped: Callable[[], int],
        padded: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.type = type
        self.ring = ring
        fixed = type is not None and layout.tail_of(type)[1] is None
        self._size = type.size if type is not None and fixed else None
        """Of each event, where all have the same."""
        self._padded = padded and not (type is not None and layout.unions(type))
        """Whether nothing but zeros is behind the ends of texts, as in what pyebpf's programs write."""
        self._decode = record_decoder(type) if type is not None else None
        self._dropped = dropped

    def decode(self, record: bytes) -> Any:
        """A record as an event; as bytes in objects that don't say what it is."""
        if self._decode is None or self.type is None or len(record) < self.type.size:
            return record
        return self._decode(record)

    def poll(self, timeout: float | None = 0) -> list[Any]:
        """Events that are there by now, waiting up to `timeout` seconds (None: for ever) for the first one."""
        return first_found(self._all, self.ring.moments(timeout))

    def _all(self) -> list[Any]:
        """Events that are there by now."""
        if self._size is None:
            return [self.decode(record) for record in self.ring.read()]
        data, rest = self.ring.take(self._size)
        return decoded(self.type, data, self._size) + [self.decode(record) for record in rest]

    def __iter__(self) -> Iterator[Any]:
        while not self.ring.closed:
            yield from self.poll(None)

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Events, waited for in asyncio's loop; ends when the session closes."""
        while not self.ring.closed:
            for event in self.poll():
                yield event
            await self._readable()

    async def _readable(self) -> None:
        """Wait until there may be events, or for a moment: the ring may be closed, or another task have read them."""
        from asyncio import get_running_loop, wait

        if self.ring.closed:
            return
        loop, descriptor = get_running_loop(), os.dup(self.fileno())  # of its own: several tasks may wait
        ready = loop.create_future()
        loop.add_reader(descriptor, _done, ready)
        try:
            await wait([ready], timeout=SLICE)
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)

    __contains__ = None  # by default Python would iterate, and so wait for ever for what may never come

    def read_numpy(self) -> Any:
        """All events that are there by now, as a structured array."""
        import numpy

        from pyebpf.views.arrays import cut_text, dtype

        if self.type is None:
            raise TypeError(f"the object doesn't say what {self.name} carries")
        if layout.tail_of(self.type)[1] is not None:
            raise TypeError(f"the records of {self.name} have no certain length, as the rows of an array do: poll()")
        size = self.type.size
        data, rest = self.ring.take(size)
        data += b"".join(record[:size] for record in rest if len(record) >= size)
        events = numpy.frombuffer(data, dtype(self.type))
        if not self._padded:
            cut_text(events, self.type)
        return events

    @property
    def dropped(self) -> int:
        """Events that found no room, since the program was loaded."""
        return self._dropped()

    def fileno(self) -> int:
        return self.ring.fileno()

    def __repr__(self) -> str:
        state = "closed" if self.ring.closed else f"{self.dropped} dropped"
        return f"<{self.kind or 'RingBuf'} {self.name} of {layout.record_name(self.type)}, {state}>"


def _done(ready: Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
