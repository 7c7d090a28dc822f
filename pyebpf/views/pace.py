"""How often rings are looked into: events that follow each other quickly are gathered, so that not each of them wakes
who reads. One that comes alone waits for nothing."""

from __future__ import annotations

import time
from typing import Final, final

GATHER: Final = 0.001
"""Seconds between two looks, at most, if nobody says otherwise."""
FASTEST: Final = 256e6
"""Bytes a second that programs may write without filling a ring while its events are gathered."""
LEAST: Final = 0.0001
"""Seconds below which a pause is not worth it."""


@final
class Pace:
    """Looks are no closer to each other than `gather` seconds, if there is time for it."""

    def __init__(self, gather: float) -> None:
        self.gather = gather
        self._last = 0.0

    def rest(self, until: float | None = None) -> float:
        """Seconds to go before the next look, which is to be at `until` (of `time.monotonic`) at the latest."""
        due = self._last + self.gather
        return max((due if until is None else min(due, until)) - time.monotonic(), 0.0)

    def pause(self, until: float | None = None) -> None:
        """Wait for it."""
        rest = self.rest(until)
        if rest:
            time.sleep(rest)

    def looked(self) -> None:
        """The look is now."""
        self._last = time.monotonic()


def usual(room: int) -> float:
    """Seconds for which a ring of `room` bytes gathers events: 1 ms, less for small ones, 0 for the smallest."""
    gather = min(GATHER, room / FASTEST)
    return gather if gather >= LEAST else 0.0
