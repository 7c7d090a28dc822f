"""Ring buffers: room that is reserved, then submitted or given back, then read in order."""

from __future__ import annotations

from collections import deque
from typing import final

from pyebpf.diagnostics.base import InternalError
from pyebpf.layout import round_up
from pyebpf.simulator.memory import Memory, Pointer

HEADER = 8
"""Bytes that the kernel keeps before each record."""
PAGE = 4096


def perf_bytes(kind: str, room: int) -> int:
    """The size of a perf buffer that all simulated CPUs share, from what the module says (`MapRef.room`)."""
    return room if kind == "RingBuf" else room * PAGE


@final
class Ring:
    """A ring of `size` bytes. What nobody has read yet takes room."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self.dropped = 0
        self.closed = False
        self._used = 0
        self._records: deque[tuple[Memory, list[str]]] = deque()
        """In order of reservation, each with what became of it: nothing yet, "submitted" or "discarded"."""

    def reserve(self, size: int) -> Pointer | None:
        """Room for a record, its bytes undefined; None if the ring is full. At least a byte is always left free."""
        room = round_up(size + HEADER, 8)
        if self._used + room > self.size - 1:
            return None
        self._used += room
        record = Memory(f"a record of {self.name}", bytes(size), defined=False)
        self._records.append((record, []))
        return Pointer(record, 0)

    def submit(self, record: Pointer) -> None:
        self._state(record).append("submitted")
        record.memory.read(0, len(record.memory.data))  # all of it: user space must not see what the kernel had there
        record.memory.alive = False

    def discard(self, record: Pointer) -> None:
        self._state(record).append("discarded")
        record.memory.alive = False

    def _state(self, record: Pointer) -> list[str]:
        if record.offset or not record.memory.alive:
            raise InternalError(f"{self.name} is given back what isn't an open record of it")
        return next(state for memory, state in self._records if memory is record.memory)

    def holds(self, record: Memory) -> bool:
        """Whether `record` is one of this ring's."""
        return any(memory is record for memory, _ in self._records)

    @property
    def open(self) -> int:
        """Records that were reserved and neither submitted nor given back: at the program's end there may be none."""
        return sum(not state for _, state in self._records)

    def read(self, most: int | None = None) -> list[bytes]:
        """Records that are there by now, at most `most` of them."""
        found: list[bytes] = []
        while self._records and self._records[0][1] and (most is None or len(found) < most):
            record, state = self._records.popleft()
            self._used -= round_up(len(record.data) + HEADER, 8)
            if state[0] == "submitted":
                found.append(bytes(record.data))
        return found
