"""Events of 64 bytes read from a ring of 16 MB that a program has filled: as numpy arrays, as Python objects, and by a
callback for each.

    python benchmarks/ring_read.py [ROUNDS]

    read_numpy   all that is there as one structured array
    poll         all that is there as Python objects, with text as str
    BCC          its own RingBuf (python3-bpfcc) on this very map: open_ring_buffer, and event() in the callback. It
                 can't compile its programs where the kernel's headers aren't, but it can read
    a callback   libbpf's ring_buffer__consume, which calls a function of Python through ctypes for each record; it sees
                 a ctypes structure. It stands for BCC where that isn't installed

They take turns, each with a ring that was filled anew; of each the best counts, for what else the machine does only
takes time, and the median is shown. End to end: a program writes events as fast as it can on one CPU
while they are read on another; none may find the ring full. Needs root, two CPUs and libbpf (libbpf-dev).
"""

from __future__ import annotations

import ctypes
import ctypes.util
import os
import select
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from common import Missing, Result, main, table

ROUNDS: Final = 7
RUNS: Final = 120
"""Runs of the program that fill the ring but for a few events."""
EACH: Final = 1900
"""Events of each run."""
NUMPY: Final = 20e6
OBJECTS: Final = 1e6
FASTER: Final = 20
END_TO_END: Final = 2.0
"""Seconds."""
PROGRAM: Final = """
from pyebpf import RingBuf, char, raw_tracepoint, struct, u32, u64


@struct
class Event:
    number: u64
    pid: u32
    cpu: u32
    comm: char[16]
    start: u64
    end: u64
    bytes: u64
    result: u64


events = RingBuf[Event](size=1 << 24)


@raw_tracepoint("sys_enter")
def fill(ctx):
    for number in range(1900):
        with events.reserve() as event:
            event.number = number
            event.pid = 7
            event.cpu = 1
            event.comm = "some-program"
            event.start = event.end = ctx.args[0]
            event.bytes = 4096
            event.result = 0
"""


class Event(ctypes.Structure):
    _fields_ = [
        ("number", ctypes.c_uint64),
        ("pid", ctypes.c_uint32),
        ("cpu", ctypes.c_uint32),
        ("comm", ctypes.c_char * 16),
        *((name, ctypes.c_uint64) for name in ("start", "end", "bytes", "result")),
    ]


class Callbacks:
    """libbpf's consumer with a function of Python."""

    def __init__(self, fd: int) -> None:
        name = ctypes.util.find_library("bpf")
        if name is None:
            raise Missing("needs libbpf")
        self.library = ctypes.CDLL(name)
        self.library.ring_buffer__new.restype = ctypes.c_void_p
        self.library.ring_buffer__consume.argtypes = [ctypes.c_void_p]
        self.library.ring_buffer__free.argtypes = [ctypes.c_void_p]
        self.seen: list[tuple[int, bytes]] = []
        shape = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
        self.function = shape(self.event)
        self.ring = self.library.ring_buffer__new(fd, self.function, None, None)
        if not self.ring:
            raise Missing("libbpf can't read the ring")

    def event(self, context: int, data: int, size: int) -> int:
        event = ctypes.cast(data, ctypes.POINTER(Event)).contents
        self.seen.append((event.number, event.comm))
        return 0

    def consume(self) -> list[tuple[int, bytes]]:
        self.seen = []
        self.library.ring_buffer__consume(self.ring)
        return self.seen

    def close(self) -> None:
        self.library.ring_buffer__free(self.ring)


_OPENED_BY_BCC: Final = """
import ctypes, resource, sys, time
from bcc import BPF
from bcc.table import RingBuf

class Event(ctypes.Structure):
    _fields_ = [FIELDS]

bpf, table = BPF.__new__(BPF), RingBuf.__new__(RingBuf)
bpf._ringbuf_manager = None
table.bpf, table.map_fd, table._cbs, table._event_class = bpf, int(sys.argv[1]), {}, Event
seen = []

def callback(ctx, data, size):
    event = table.event(data)
    seen.append((event.FIRST, event.comm))

table.open_ring_buffer(callback)
"""


def opened_by_bcc(first: str, fields: str) -> str:
    """A program for the Python that Debian's packages are for, up to where BCC's reader has a ring open that is there
    already. Of its events, whose `fields` ctypes has, it keeps the `first` and the name."""
    return _OPENED_BY_BCC.replace("FIRST", first).replace("FIELDS", fields)


_FIELDS: Final = (
    '("number", ctypes.c_uint64), ("pid", ctypes.c_uint32), ("cpu", ctypes.c_uint32), ("comm", ctypes.c_char * 16), '
    '*((f"word{n}", ctypes.c_uint64) for n in range(4))'
)
BCC: Final = (
    opened_by_bcc("number", _FIELDS)
    + """
for line in sys.stdin:
    seen.clear()
    start = time.perf_counter()
    bpf.ring_buffer_consume()
    print(len(seen), time.perf_counter() - start, flush=True)
"""
)
SYSTEM_PYTHON: Final = "/usr/bin/python3"


class Bcc:
    """BCC in a process of its own; it reads when it is told to."""

    def __init__(self, fd: int) -> None:
        command = [SYSTEM_PYTHON, "-c", BCC, str(fd)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, pass_fds=[fd], stdin=pipe, stdout=pipe, text=True)

    def rate(self, fill: Callable[[], None]) -> float:
        """Events a second."""
        assert self.process.stdin is not None and self.process.stdout is not None
        fill()
        print(file=self.process.stdin, flush=True)
        count, seconds = self.process.stdout.readline().split()
        assert int(count) == RUNS * EACH, count
        return int(count) / float(seconds)

    def close(self) -> None:
        self.process.communicate()


def has_bcc() -> bool:
    try:
        return not subprocess.run([SYSTEM_PYTHON, "-c", "import bcc"], capture_output=True).returncode
    except OSError:
        return False


def rate(read: Callable[[], Any], fill: Callable[[], None]) -> float:
    """Events a second."""
    fill()
    start = time.perf_counter()
    found = read()
    took = time.perf_counter() - start
    assert len(found) == RUNS * EACH, len(found)
    return len(found) / took


def end_to_end(session: Any) -> tuple[int, int, float]:
    """Events that were written, events that were read, and events a second, while both go on."""
    program, ring = session.programs["fill"], session.maps["events"]
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) < 2:
        raise Missing("needs two CPUs")
    ends, tells = os.pipe()
    producer = os.fork()  # a process of its own: a thread would wait for Python's lock, which the reader holds
    if not producer:
        with suppress(BaseException):
            os.sched_setaffinity(0, cpus[:1])
            deadline, runs = time.perf_counter() + END_TO_END, 0
            while time.perf_counter() < deadline:
                program.test_run(ctx=bytes(16))
                runs += 1
            os.write(tells, str(runs * EACH).encode())
        os._exit(0)
    os.close(tells)
    os.sched_setaffinity(0, cpus[1:])
    start, read = time.perf_counter(), 0
    while not select.select([ends], [], [], 0)[0]:
        read += len(ring.read_numpy())
    read += len(ring.read_numpy())
    took = time.perf_counter() - start
    written = int(os.read(ends, 32) or b"0")
    os.close(ends)
    os.waitpid(producer, 0)
    os.sched_setaffinity(0, cpus)
    return written, read, read / took


def measure(rounds: int = ROUNDS) -> Result:
    import pyebpf

    found: dict[str, list[float]] = {"read_numpy": [], "poll": [], "a callback": [], "BCC": []}
    with tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        source = Path(name) / "ring.py"
        source.write_text(PROGRAM)
        with pyebpf.load(source, attach=False) as session:
            program, ring = session.programs["fill"], session.maps["events"]

            def fill() -> None:
                for _ in range(RUNS):
                    program.test_run(ctx=bytes(16))

            rate(ring.poll, fill)  # machine code from now on
            callbacks = Callbacks(ring.ring.map_fd)
            bcc = Bcc(ring.ring.map_fd) if has_bcc() else None
            for _ in range(rounds):
                found["read_numpy"].append(rate(ring.read_numpy, fill))
                found["poll"].append(rate(ring.poll, fill))
                found["a callback"].append(rate(callbacks.consume, fill))
                if bcc is not None:
                    found["BCC"].append(bcc.rate(fill))
            callbacks.close()
            if bcc is not None:
                bcc.close()
            dropped = ring.dropped
            written, read, both = end_to_end(session)
            dropped = ring.dropped - dropped
    best = {name: max(rates) for name, rates in found.items() if rates}
    peer = "BCC" if "BCC" in best else "a callback"
    rows = [(k, f"{max(v) / 1e6:.2f}", f"{statistics.median(v) / 1e6:.2f}") for k, v in found.items() if v]
    print(table(("events of 64 bytes, million a second", "best", "median"), rows))
    print(f"end to end: {written} written, {read} read, {dropped} dropped, {both / 1e6:.2f} million a second")
    faster = best["read_numpy"] / best[peer]
    kept = best["read_numpy"] >= NUMPY and best["poll"] >= OBJECTS and faster >= FASTER
    return Result(
        kept and dropped == 0 and written == read,
        f"{best['read_numpy'] / 1e6:.1f} million events a second as numpy arrays (at least {NUMPY / 1e6:.0f}), "
        f"{best['poll'] / 1e6:.2f} million as objects (at least {OBJECTS / 1e6:.0f}), {faster:.0f} times as many as "
        f"by {peer} (at least {FASTER}); end to end {dropped} of {written} dropped",
    )


if __name__ == "__main__":
    main(measure)
