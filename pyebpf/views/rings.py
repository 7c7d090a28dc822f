"""Rings as iterables of events."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol, final

from pyebpf import layout
from pyebpf.decode import record_decoder
from pyebpf.views.columns import Buffer, Reader, reader
from pyebpf.views.pace import Pace
from pyebpf.views.unread import Unread

if TYPE_CHECKING:
    from asyncio import Future


SLICE = 0.25
"""Seconds of waiting after which an iteration looks whether the ring was closed."""


MOST_GATHERED: Final = 60
LAST: Final = 10
"""How many events notebooks show."""


class Records(Protocol):
    """Records of a ring, in order, as bytes."""

    closed: bool
    pace: Pace
    """How often those who wait look for records."""

    def read(self, most: int | None = None) -> list[bytes]:
        """All records that are there by now, at most `most` of them; each is read once."""

    def take(self, size: int) -> tuple[Buffer, list[bytes]]:
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
        self.pace = Pace(0)
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

    def take(self, size: int) -> tuple[Buffer, list[bytes]]:
        return b"", self.read()

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
        self._last: list[Any] = []
        """Events that notebooks show."""
        self._unread = Unread(self._size or 0, lambda data: self._decode_many(data), self.decode)

    def decode(self, record: bytes) -> Any:
        """A record as an event; as bytes in objects that don't say what it is."""
        if self._decode is None or self.type is None or len(record) < self.type.size:
            return record
        return self._decode(record)

    @property
    def gather(self) -> float:
        """Seconds for which events that follow each other quickly are gathered before those who wait get them: 0.001,
        less for rings below 256 KiB. 0: each wakes them."""
        return self.ring.pace.gather

    @gather.setter
    def gather(self, seconds: float) -> None:
        if not 0 <= seconds <= MOST_GATHERED:
            raise ValueError(f"gather is {seconds!r}, not 0 to {MOST_GATHERED} seconds")
        self.ring.pace.gather = float(seconds)

    def poll(self, timeout: float | None = 0) -> list[Any]:
        """Events that are there by now, waiting up to `timeout` seconds (None: for ever) for the first one."""
        return first_found(self._all, self.ring.moments(timeout))

    @cached_property
    def _decode_many(self) -> Reader:
        """Makes objects of events of one size, one after the other."""
        return reader(self.type, self._size or 1)

    def _taken(self) -> tuple[Buffer, list[bytes]]:
        """What is in the ring by now: events of one size as they follow each other, and records after them."""
        return (b"", self.ring.read()) if self._size is None else self.ring.take(self._size)

    def _all(self) -> list[Any]:
        """Events that are there by now."""
        found = self._unread.all()
        data, rest = self._taken()
        events = [*found, *(self._decode_many(data) if data else ()), *map(self.decode, rest)]
        if events:
            self._last = events[-LAST:]
        return events

    def now(self) -> Iterator[Any]:
        """Events that are there by now, made as they are asked for: who stops in the midst leaves the others there."""
        while not self.ring.closed and (found := self._unread.next(self._taken)):
            yield found[0]

    def __iter__(self) -> Iterator[Any]:
        for _ in self.ring.moments(None):
            yield from self.now()

    async def __aiter__(self) -> AsyncIterator[Any]:
        """Events, waited for in asyncio's loop; ends when the session closes."""
        while not self.ring.closed:
            self.ring.pace.looked()
            for event in self.now():
                yield event
            await rested(self.ring.pace, SLICE)
            if not self.ring.closed:
                await readable(self.fileno(), SLICE)

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
        found = self._unread.bytes(), self.ring.take(size)
        parts = [
            part for data, rest in found for part in (data, *(row[:size] for row in rest if len(row) >= size)) if part
        ]
        data = parts[0] if len(parts) == 1 else bytearray().join(parts)
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

    def _repr_html_(self) -> str:
        """For notebooks: the last events that `poll` gave."""
        from pyebpf.views.shown import events_html

        return events_html(repr(self), self._last)

    def __repr__(self) -> str:
        state = "closed" if self.ring.closed else f"{self.dropped} dropped"
        return f"<{self.kind or 'RingBuf'} {self.name} of {layout.record_name(self.type)}, {state}>"


async def rested(pace: Pace, most: float) -> None:
    """Wait until the next look is due, `most` seconds at most."""
    from asyncio import sleep

    rest = min(pace.rest(), most)
    if rest > 0:
        await sleep(rest)


async def readable(descriptor: int, seconds: float) -> None:
    """Wait until there may be events, or for a moment: the ring may be closed, or another task have read them."""
    from asyncio import get_running_loop, wait

    loop, own = get_running_loop(), os.dup(descriptor)  # several tasks may wait
    ready = loop.create_future()
    loop.add_reader(own, _done, ready)
    try:
        await wait([ready], timeout=seconds)
    finally:
        loop.remove_reader(own)
        os.close(own)


def _done(ready: Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
