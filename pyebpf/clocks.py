"""Times of events as times of day: `session.clock.from_ktime(event.time)`.

The kernel's clocks count nanoseconds since the machine was started: `ktime_ns()` (CLOCK_MONOTONIC) those while it was
awake, `boot_ns()` (CLOCK_BOOTTIME) all of them. Source: clock_gettime(2), time_namespaces(7).
"""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any, Final, final, overload

from pyebpf.records import dataclass

EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
TRIES: Final = 20
AT_ONCE: Final = 20_000
"""ns within which readings are as good as of one moment."""
JITTER: Final = 1_000_000
"""ns by which the difference of two clocks may seem to change without a suspend: readings are never of one moment."""
OFFSETS: Final = "/proc/self/timens_offsets"


@final
@dataclass(frozen=True, slots=True)
class Reading:
    """The clocks at one moment, in ns: as the kernel's programs see the first two, whatever the namespace."""

    monotonic: int
    boot: int
    wall: int


def read() -> Reading:
    """The clocks now: the first try that isn't interrupted, or the shortest of many."""
    best, shortest = None, 0
    for _ in range(TRIES):
        before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        boot, wall = time.clock_gettime_ns(time.CLOCK_BOOTTIME), time.clock_gettime_ns(time.CLOCK_REALTIME)
        after = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        if best is None or after - before < shortest:
            best, shortest = Reading((before + after) // 2, boot, wall), after - before
        if shortest < AT_ONCE:
            break
    assert best is not None
    return best


def namespace_offsets() -> tuple[int, int]:
    """What a time namespace (Linux 5.6) adds to the monotonic and the boot clock, in ns; programs in the kernel don't
    see that."""
    found = {"monotonic": 0, "boottime": 0}
    try:
        with open(OFFSETS) as file:
            for line in file:
                name, seconds, nanoseconds = line.split()
                found[name] = int(seconds) * 1_000_000_000 + int(nanoseconds)
    except (OSError, ValueError):  # before 5.6, or without /proc
        pass
    return found["monotonic"], found["boottime"]


@final
class Clock:
    """The kernel's clocks as time of day, in UTC.

    What `boot_ns()` gives is converted exactly, whenever that happens. `ktime_ns()` stands still while the machine is
    suspended: the clock notices a suspend when it is asked for the first time after it, and knows from then on which
    events were before; what was recorded between the last question before the suspend and the suspend itself counts as
    after it, late by as long as the machine slept. All times are by the wall clock as it is set now.
    """

    def __init__(self, read: Callable[[], Reading] | None = None) -> None:
        self._ask = read or _reader()
        now = self._ask()
        self._starts = [0]
        """Monotonic times from which on each of `_asleep` holds."""
        self._asleep = [now.boot - now.monotonic]
        """ns that the machine had been suspended."""
        self._seen = now.monotonic

    def _now(self) -> Reading:
        now = self._ask()
        asleep = now.boot - now.monotonic
        if abs(asleep - self._asleep[-1]) > JITTER:
            self._starts.append(self._seen + 1)
            self._asleep.append(asleep)
        self._seen = now.monotonic
        return now

    @overload
    def from_boot(self, ns: int) -> datetime: ...
    @overload
    def from_boot(self, ns: Any) -> Any: ...
    def from_boot(self, ns: Any) -> Any:
        """`boot_ns()` as an aware datetime, in UTC, to the microsecond; of an array of numpy an array of
        `datetime64[ns]`. Raises OverflowError for what is beyond the year 9999."""
        now = self._now()
        return _moved(ns, now.wall - now.boot)

    @overload
    def from_ktime(self, ns: int) -> datetime: ...
    @overload
    def from_ktime(self, ns: Any) -> Any: ...
    def from_ktime(self, ns: Any) -> Any:
        """The same for `ktime_ns()`."""
        now = self._now()
        if hasattr(ns, "dtype"):
            import numpy

            which = (numpy.searchsorted(numpy.array(self._starts, "u8"), ns, "right") - 1).clip(0)
            slept = numpy.array(self._asleep, "i8")[which]
            return _moved(ns, slept + (now.wall - now.boot))
        at = max(bisect_right(self._starts, ns) - 1, 0)
        return _moved(ns, self._asleep[at] + now.wall - now.boot)


def _reader() -> Callable[[], Reading]:
    """How the clocks are read in this namespace."""
    monotonic, boot = namespace_offsets()
    if not monotonic and not boot:
        return read

    def moved() -> Reading:
        found = read()
        return Reading(found.monotonic - monotonic, found.boot - boot, found.wall)

    return moved


def _moved(ns: Any, by: Any) -> Any:
    if hasattr(ns, "dtype"):
        return (ns.astype("i8") + by).astype("M8[ns]")
    if isinstance(ns, bool) or not isinstance(ns, int):
        raise TypeError(f"a time is an integer of nanoseconds, not {ns!r}")
    return EPOCH + timedelta(microseconds=(ns + by) // 1000)
