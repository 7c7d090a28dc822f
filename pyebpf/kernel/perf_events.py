"""Perf events that programs run on: what they are called, the numbers that the kernel knows them by, how often.

Names are those of `perf list`. Sources: `enum perf_type_id`, `perf_hw_id`, `perf_hw_cache_id`, `perf_sw_ids` and
`struct perf_event_attr` in include/uapi/linux/perf_event.h; the kernel's history for versions.
"""

from __future__ import annotations

import os
import re
from enum import IntEnum
from struct import Struct
from sys import byteorder
from typing import Final, final

from pyebpf.kernel.versions import Version
from pyebpf.records import dataclass

ATTRIBUTES: Final = Struct("=IIQQQQQIIQQ")
"""`struct perf_event_attr` up to its second version: type, size, config, period, sample and read formats, flags, two
numbers for waking up, and two that mean something else for each type of event (config1, config2)."""
CLOCK_ATTRIBUTES: Final = Struct("=20xi")
"""What follows up to the third version: the last of it is the clock of `USE_CLOCKID`."""
DISABLED: Final = 1 << 0
INHERIT: Final = 1 << 1
EXCLUDE_USER: Final = 1 << 4
EXCLUDE_KERNEL: Final = 1 << 5
EXCLUDE_HV: Final = 1 << 6
EXCLUDE_IDLE: Final = 1 << 7
MMAP: Final = 1 << 8
"""Records of what processes map that is executable."""
COMM: Final = 1 << 9
"""Records of names that processes take, as by exec."""
FREQUENCY: Final = 1 << 10
TASK: Final = 1 << 13
"""Records of threads that begin and end."""
WATERMARK: Final = 1 << 14
"""`wakeup_watermark`, in bytes, says when poll(2) returns; without it `wakeup_events`, which counts samples alone."""
PRECISE: Final = 1 << 15
"""The lower of two bits, which count how exactly the instruction must be known."""
SAMPLE_ID_ALL: Final = 1 << 18
"""Behind records that are no samples comes what a sample would have of `SAMPLE_TID`, `SAMPLE_TIME`, …"""
MMAP2: Final = 1 << 23
"""With `MMAP`: with the file's device and inode (3.16)."""
COMM_EXEC: Final = 1 << 24
"""A bit in records of names says that it was by exec (3.16)."""
USE_CLOCKID: Final = 1 << 25
"""Times are of the clock that the attributes name (4.1)."""
INHERIT_THREAD: Final = 1 << 35
"""Threads of the process alone, not other processes that it begins (5.13)."""
MODES: Final = {"u": EXCLUDE_KERNEL | EXCLUDE_HV, "k": EXCLUDE_USER | EXCLUDE_HV, "I": EXCLUDE_IDLE, "p": PRECISE}
"""Letters behind a colon, as perf has them: in user mode alone, in the kernel alone, not while idle, precisely."""
MOST_PRECISE: Final = 3
MAX_RATE: Final = "/proc/sys/kernel/perf_event_max_sample_rate"
"""Samples a second that the kernel allows on a CPU; it lowers the number itself when they take too long."""


SOFTWARE_DUMMY: Final = 9
"""Counts nothing, and is there for the records that come with it (3.12)."""
SOFTWARE_BPF_OUTPUT: Final = 10
"""What programs write by perf_event_output (4.4)."""
MISC_EXEC: Final = 1 << 13
"""A bit of `misc` in records of names: it is by exec."""
SAMPLE_TIME: Final = 1 << 2
SAMPLE_RAW: Final = 1 << 10
FORMAT_LOST: Final = 1 << 4
"""Of the read format: reading the event tells how many records were lost (6.0)."""


class Record(IntEnum):
    """`enum perf_event_type`: kinds of records in an event's pages."""

    MMAP = 1
    LOST = 2
    COMM = 3
    EXIT = 4
    THROTTLE = 5
    UNTHROTTLE = 6
    FORK = 7
    READ = 8
    SAMPLE = 9
    MMAP2 = 10
    LOST_SAMPLES = 13


def laid_out(flags: int, big_endian: bool = byteorder == "big") -> int:
    """The bits as the struct has them: bit fields begin at the highest bit on big-endian machines."""
    if not big_endian:
        return flags
    precise = flags // PRECISE & MOST_PRECISE  # the one field of two bits keeps its order
    flags = flags & ~(MOST_PRECISE * PRECISE) | (precise >> 1 | (precise & 1) << 1) * PRECISE
    return int(f"{flags:064b}"[::-1], 2)


class EventType(IntEnum):
    """`enum perf_type_id`, those that have names here."""

    HARDWARE = 0
    SOFTWARE = 1
    HW_CACHE = 3
    RAW = 4


@final
@dataclass(frozen=True, slots=True)
class PerfEvent:
    """A row: an event with its name, and the others that it has."""

    names: tuple[str, ...]
    type: EventType
    config: int
    period: int = 0
    """After how many of them a program runs if nothing else is said; 0: somebody must say."""
    since: Version = (4, 9)
    flags: int = 0
    """Bits of `struct perf_event_attr`, by the letters behind the name."""

    @property
    def name(self) -> str:
        return self.names[0]

    @property
    def exact(self) -> bool:
        """Whether it is asked for by `p`: the processor says which instruction it was."""
        return bool(self.flags // PRECISE & MOST_PRECISE)


def _software(names: str, number: int, period: int = 1, since: Version = (4, 9)) -> PerfEvent:
    return PerfEvent(tuple(names.split()), EventType.SOFTWARE, number, period, since)


def _hardware(names: str, number: int) -> PerfEvent:
    return PerfEvent(tuple(names.split()), EventType.HARDWARE, number)


_CACHES: Final = ("L1-dcache", "L1-icache", "LLC", "dTLB", "iTLB", "branch", "node")
_OPERATIONS: Final = (("loads", "load-misses"), ("stores", "store-misses"), ("prefetches", "prefetch-misses"))

EVENTS: Final = (
    _software("cpu-clock", 0, period=0),
    _software("task-clock", 1, period=0),
    _software("page-faults faults", 2),
    _software("context-switches cs", 3),
    _software("cpu-migrations migrations", 4),
    _software("minor-faults", 5),
    _software("major-faults", 6),
    _software("alignment-faults", 7),
    _software("emulation-faults", 8),
    _software("cgroup-switches", 11, since=(5, 13)),
    _hardware("cycles cpu-cycles", 0),
    _hardware("instructions", 1),
    _hardware("cache-references", 2),
    _hardware("cache-misses", 3),
    _hardware("branches branch-instructions", 4),
    _hardware("branch-misses", 5),
    _hardware("bus-cycles", 6),
    _hardware("stalled-cycles-frontend idle-cycles-frontend", 7),
    _hardware("stalled-cycles-backend idle-cycles-backend", 8),
    _hardware("ref-cycles", 9),
    *(
        PerfEvent((f"{cache}-{word}",), EventType.HW_CACHE, number | operation << 8 | missed << 16)
        for number, cache in enumerate(_CACHES)
        for operation, words in enumerate(_OPERATIONS)
        for missed, word in enumerate(words)
        if (cache, word) != ("branch", "load-misses")  # another name of branch-misses would be confused with it
    ),
)
"""A clock ticks in nanoseconds; the others count what they are named after."""
NAMES: Final = tuple(name for event in EVENTS for name in event.names)
_BY_NAME: Final = {name: event for event in EVENTS for name in event.names}
_RAW: Final = re.compile(r"r([0-9a-fA-F]{1,16})")


class BadEvent(ValueError):
    """Text that names no event, in words; `near` is what may have been meant."""

    def __init__(self, text: str, near: str = "") -> None:
        super().__init__(text)
        self.near = near


def event_of(text: str) -> PerfEvent:
    """`page-faults`, `cycles:u`, `r01c2` (the processor's own number, in hexadecimal). Raises BadEvent."""
    name, colon, letters = text.partition(":")
    event = _BY_NAME.get(name)
    raw = _RAW.fullmatch(name)
    if event is None and raw is not None:
        event = PerfEvent((name,), EventType.RAW, int(raw[1], 16))
    if event is None:
        from difflib import get_close_matches

        near = get_close_matches(name, NAMES, n=1, cutoff=0.5)
        raise BadEvent(f"{name!r:.60} is no perf event", near[0] if near else "")
    if colon and (not letters or set(letters) - set(MODES) or letters.count("p") > MOST_PRECISE):
        raise BadEvent(f"{letters!r:.40} says nothing of an event; letters behind the colon are u, k, I, p", event.name)
    if not letters:
        return event
    flags = letters.count("p") * PRECISE
    for letter in set(letters) - {"p"}:
        flags |= MODES[letter]
    if "u" in letters and "k" in letters:  # both modes, then
        flags &= ~(EXCLUDE_USER | EXCLUDE_KERNEL)
    return PerfEvent((text, *event.names), event.type, event.config, event.period, event.since, flags)


@final
@dataclass(frozen=True, slots=True)
class Sampling:
    """An event, and when a program runs on it: every `period` of them, or so many times a second, `hz`."""

    event: PerfEvent
    period: int = 0
    hz: int = 0

    def __str__(self) -> str:
        """As programs carry it: `cpu-clock,hz=99`."""
        return f"{self.event.name},hz={self.hz}" if self.hz else f"{self.event.name},period={self.period}"

    @property
    def words(self) -> str:
        """For people."""
        if self.hz:
            often = f"{self.hz:,} times" if self.hz > 1 else "once"
            return f"{self.event.name}, {often} a second"
        return self.event.name if self.period == 1 else f"{self.event.name}, every {self.period:,}"


def counters_here() -> bool:
    """Whether the kernel has a driver for this processor's counters. Virtual machines often have none."""
    try:
        drivers = os.listdir("/sys/bus/event_source/devices")
    except OSError:
        return False
    return any(name in ("cpu", "cpu_core") or name.startswith(("armv8", "cpum_cf")) for name in drivers)


LARGEST: Final = (1 << 63) - 1
"""The kernel takes no period with the highest bit."""


def sampling_of(name: str, period: int = 0, hz: int = 0) -> Sampling:
    """Raises BadEvent; for numbers out of range too, and for an event of which nobody says how often."""
    event = event_of(name)
    if period and hz:
        raise BadEvent("an event has a period or a number of times a second (hz), not both", event.name)
    if not 0 <= period <= LARGEST:
        raise BadEvent(f"a period is a number from 1 to 2**63 - 1, not {period}", event.name)
    if not 0 <= hz < 1 << 31:
        raise BadEvent(f"hz is a number from 1 to 2**31 - 1, not {hz}", event.name)
    if not period and not hz:
        if not event.period:
            raise BadEvent(f"{event.name} needs hz=, how often in a second, or period=, after how many", event.name)
        period = event.period
    return Sampling(event, period, hz)
