"""Rings that user space writes, without a kernel."""

from __future__ import annotations

from collections import deque
from typing import final

from pyebpf.views.user_rings import space


@final
class SentRecords:
    """What a test has sent, until a program takes it. Nothing does while the test waits."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.closed = False
        self.records: deque[bytes] = deque()

    @property
    def free(self) -> int:
        return self.size - sum(map(space, self.records))

    def write(self, data: bytes) -> bool:
        if self.free < space(data):
            return False
        self.records.append(data)
        return True

    def wait(self, seconds: float) -> None:
        raise ValueError("the ring is full, and no program takes anything while the test waits")

    def close(self) -> None:
        self.closed = True
