"""Maps without keys: queues, stacks and Bloom filters, with the answers that the kernel's give."""

from __future__ import annotations

from collections import deque
from errno import E2BIG, ENOENT
from typing import Final, final

from pyebpf.ir.module import MapRef
from pyebpf.kernel.maps import MapType

QUEUES: Final = (MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER)
EXIST: Final = 2
"""BPF_EXIST: of a full queue the oldest value goes."""


@final
class Queue:
    """BPF_MAP_TYPE_QUEUE, STACK and BLOOM_FILTER. This filter never says that it has what it hasn't."""

    def __init__(self, ref: MapRef) -> None:
        self.ref = ref
        self.values: deque[bytes] = deque()
        assert ref.value is not None
        self.size = ref.value.size
        self._is_filter = ref.type == MapType.BLOOM_FILTER

    def push(self, value: bytes, flags: int) -> int:
        if self._is_filter:
            if value not in self.values:
                self.values.append(value)
            return 0
        if len(self.values) >= self.ref.max_entries:
            if not flags & EXIST:
                return -E2BIG
            self.values.popleft()
        self.values.append(value)
        return 0

    def peek(self) -> bytes | None:
        """What is next; None if there is nothing."""
        if not self.values:
            return None
        return self.values[-1 if self.ref.type == MapType.STACK else 0]

    def pop(self) -> bytes | None:
        """What is next, taken out."""
        if not self.values:
            return None
        return self.values.pop() if self.ref.type == MapType.STACK else self.values.popleft()

    def has(self, value: bytes) -> int:
        """A filter's answer."""
        return 0 if value in self.values else -ENOENT
