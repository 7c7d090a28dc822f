"""Programs on all CPUs write events faster than anybody reads them, for a minute: each event is either read or counted
as dropped, to the last one, and memory stays as it is.

    python benchmarks/overload.py [SECONDS]

The programs count what they produce, by ways of producing:

    ring buffer       `with ring.reserve()`, and every seventh `ring.output(…)`
    pieces            `RingBuf[Head, bytes]`, records of any length, by dynptrs
    perf buffer       the same as the ring buffer, into a PerfEventArray
    printed           `print(f"…")`

A reader that sleeps most of the time takes them out, as arrays and as objects in turns. Events carry their CPU and
their number there: what is read is in the order of numbers on each CPU. Needs root and numpy; the load is this
process's own.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, final

from common import Missing, Result, main, table

SECONDS: Final = 60.0
PAUSE: Final = 0.05
"""Seconds that the reader sleeps between two looks."""
GROWTH: Final = 4.0
"""MB that the process may have more in the second half than in the first."""
EACH: Final = 50
"""Events of each kind by a run of the program."""
PROGRAM: Final = """
from pyebpf import Global, PerCpuArray, PerfEventArray, RingBuf, cpu, raw_tracepoint, struct, u8, u32, u64


@struct
class Event:
    number: u64
    cpu: u32
    kind: u32
    data: u64[6]


@struct
class Head:
    number: u64
    cpu: u64


ring = RingBuf[Event](size=1 << 20)
pieces = RingBuf[Head, bytes](size=1 << 18)
perf = PerfEventArray[Event](pages=64)
produced = PerCpuArray[u64](max_entries=4)
tail = Global[u8[40]]()


@raw_tracepoint("sys_enter")
def produce(ctx):
    for step in range(50):
        produced[0] += 1
        produced[1] += 1
        produced[2] += 1
        number = produced[0]
        if step % 7 == 6:
            whole = Event(number=number, cpu=cpu(), kind=1)
            ring.output(whole)
            perf.output(whole)
        else:
            with ring.reserve() as event:
                event.number = number
                event.cpu = cpu()
            with perf.reserve() as other:
                other.number = number
                other.cpu = cpu()
        pieces.output(Head(number=number, cpu=cpu()), tail.value[: step % 40])
    produced[3] += 1
    print(f"{produced[3]} on {cpu()}")
"""
NAMES: Final = ("ring buffer", "perf buffer", "pieces", "printed")


@final
class Counted:
    """What was read of one kind: how many, and the last number of each CPU."""

    def __init__(self, cpus: int) -> None:
        self.read = 0
        self.last = [0] * cpus

    def rows(self, rows: Any) -> None:
        """Columns `number` and `cpu` of an array."""
        import numpy

        for cpu in numpy.unique(rows["cpu"]):
            self.numbers(int(cpu), rows["number"][rows["cpu"] == cpu])

    def events(self, found: list[Any]) -> None:
        """Pairs of a CPU and a number."""
        import numpy

        pairs = numpy.array(found, dtype="u8").reshape(-1, 2)
        for cpu in numpy.unique(pairs[:, 0]):
            self.numbers(int(cpu), pairs[pairs[:, 0] == cpu][:, 1])

    def numbers(self, cpu: int, numbers: Any) -> None:
        """Those of one CPU, which must grow."""
        assert int(numbers[0]) > self.last[cpu] and (numbers[1:] > numbers[:-1]).all(), f"CPU {cpu}: out of order"
        self.last[cpu] = int(numbers[-1])
        self.read += len(numbers)


def line_of(line: str) -> tuple[int, int]:
    number, _, cpu = line.partition(" on ")
    return int(cpu), int(number)


def resident() -> float:
    """MB of memory that this process has."""
    text = Path("/proc/self/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) / 1024


@contextmanager
def producing(program: Any) -> Iterator[None]:
    """The program at full speed on every CPU."""
    ended = threading.Event()

    def produce(cpu: int) -> None:
        os.sched_setaffinity(0, {cpu})  # of this thread alone
        while not ended.is_set():
            program.test_run(ctx=bytes(16))

    threads = [threading.Thread(target=produce, args=(cpu,)) for cpu in os.sched_getaffinity(0)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def read(session: Any, counts: tuple[Counted, ...], columns: bool) -> None:
    """All that is there: what has columns as arrays, or as objects."""
    for count, name in zip(counts, ("ring", "perf")):
        view = session.maps[name]
        if columns:
            count.rows(view.read_numpy())
        else:
            count.events([(event.cpu, event.number) for event in view.poll()])
    counts[2].events([(head.cpu, head.number) for head, _ in session.maps["pieces"].poll()])
    counts[3].events([line_of(line) for line in session.prints.poll()])


def measure(seconds: float = SECONDS) -> Result:
    import pyebpf

    if len(os.sched_getaffinity(0)) < 2:
        raise Missing("needs two CPUs")
    counts = tuple(Counted(os.cpu_count() or 1) for _ in NAMES)
    sizes: list[float] = []
    with tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        source = Path(name) / "overload.py"
        source.write_text(PROGRAM)
        with pyebpf.load(source, attach=False) as session:
            with producing(session.programs["produce"]):
                end, columns = time.monotonic() + seconds, True
                while time.monotonic() < end:
                    time.sleep(PAUSE)
                    read(session, counts, columns)
                    sizes.append(resident())
                    columns = not columns
            for columns in (True, False):
                read(session, counts, columns)
            produced = [sum(values) for values in session.maps["produced"]]
            dropped = [session.maps[each].dropped for each in ("ring", "perf", "pieces")] + [session.prints.dropped]
    rows = [
        (name, made, count.read, lost, made - count.read - lost)
        for name, made, count, lost in zip(NAMES, produced, counts, dropped, strict=True)
    ]
    print(table(("", "produced", "read", "dropped", "unaccounted"), rows))
    begun, later = sizes[: len(sizes) // 2], sizes[len(sizes) // 2 :]
    most = f"at most {max(begun):.1f} in the first half, {max(later):.1f} in the second"
    print(f"memory: {sizes[0]:.1f} MB at first, {most}")
    exact = all(not row[-1] for row in rows)
    loaded, flat = all(lost > 0 for lost in dropped[:2]), max(later) - max(begun) <= GROWTH
    total = sum(produced)
    return Result(
        exact and loaded and flat,
        f"{total:,} events in {seconds:.0f} s on {len(os.sched_getaffinity(0))} CPUs, {sum(dropped):,} of them "
        f"dropped, {total - sum(c.read for c in counts) - sum(dropped)} neither read nor counted; memory grew by "
        f"{max(later) - max(begun):+.1f} MB",
    )


if __name__ == "__main__":
    main(measure, float)
