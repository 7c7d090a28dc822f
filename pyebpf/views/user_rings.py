"""Rings that user space writes."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable
from typing import Any, Final, Protocol, final

from pyebpf import layout
from pyebpf.encode import encode
from pyebpf.views.rings import SLICE

HEADER: Final = 8
"""Bytes before each record."""


class Room(Protocol):
    """What records are written to."""

    size: int
    closed: bool

    @property
    def free(self) -> int:
        """Bytes that are free by now."""

    def write(self, data: bytes) -> bool:
        """Write one record; False if there is no room. ValueError when it is closed."""

    def wait(self, seconds: float) -> None:
        """Until there may be room, or the time is over."""

    def close(self) -> None:
        """Close it; nothing happens the second time."""


@final
class UserRingView:
    """A loaded UserRingBuf. One process writes into it; of its threads, one at a time."""

    def __init__(self, name: str, kind: str, type: layout.Type | None, room: Room) -> None:
        self.name = name
        self.kind = kind
        self.type = type
        self.room = room

    def send(self, record: Any, timeout: float | None = 0) -> None:
        """Write a record: a value of the ring's type, or its bytes. When there is no room, wait for it up to `timeout`
        seconds (None: for ever), then BlockingIOError. Raises TypeError, OverflowError, ValueError for what is no such
        record, and ValueError when the session is closed."""
        data = self._encoded(record)
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self.room.write(data):
            left = SLICE if deadline is None else min(SLICE, deadline - time.monotonic())
            if left <= 0:
                raise BlockingIOError(errno.EAGAIN, f"{self.name} is full: no program has taken what is there")
            self.room.wait(left)

    def send_many(self, records: Iterable[Any]) -> int:
        """Write records, or the rows of an array, as many as there is room for; how many that were. Nothing is written
        if one of them is wrong."""
        rows = self._rows(records)
        return next((count for count, data in enumerate(rows) if not self.room.write(data)), len(rows))

    @property
    def free(self) -> int:
        """Bytes that are free by now. A record takes its size and eight more, up to a multiple of eight."""
        return self.room.free

    def _encoded(self, record: Any) -> bytes:
        if isinstance(record, bytes | bytearray | memoryview) and not isinstance(self.type, layout.Text):
            data = bytes(record)
            if self.type is not None and len(data) != self.type.size:
                raise ValueError(f"a record of {self.name} has {self.type.size} bytes, not {len(data)}")
        elif self.type is None:
            raise TypeError(f"the object doesn't say what {self.name} carries: it takes bytes, not {record!r:.80}")
        else:
            data = encode(self.type, record, f"record of {self.name}")
        if space(data) > self.room.size:
            raise ValueError(f"a record of {len(data)} bytes has no room in {self.name}, which has {self.room.size}")
        return data

    def _rows(self, records: Any) -> list[bytes]:
        """All of them as bytes."""
        if not hasattr(records, "dtype"):
            return [self._encoded(record) for record in records]
        from pyebpf.views.arrays import dtype

        if self.type is None or records.dtype != dtype(self.type) or records.ndim != 1:
            raise TypeError(f"{self.name} takes one row of {self.type} after the other, not {records.dtype}")
        whole = records.tobytes()
        return [whole[at : at + self.type.size] for at in range(0, len(whole), self.type.size)]

    def __repr__(self) -> str:
        state = "closed" if self.room.closed else f"{self.free} of {self.room.size} bytes free"
        return f"<{self.kind or 'UserRingBuf'} {self.name} of {layout.record_name(self.type)}, {state}>"


def space(data: bytes) -> int:
    """The bytes that a record takes."""
    return layout.round_up(len(data) + HEADER, 8)
