"""Events that come steadily, 10,000 a second, while somebody waits for them: what the reader takes of a CPU.

    python benchmarks/steady_events.py [ROUNDS]

    pyebpf      `for event in ring`, which gathers what comes within a millisecond
    each        the same with `ring.gather = 0`: each event may wake it
    BCC         its own RingBuf (python3-bpfcc) on this very map: `ring_buffer_poll()`, and event() in the callback

They take turns; each reads on one CPU for three seconds, while a program in C makes the system calls on another.
Processor time is the process's own, user and system. Needs root, two CPUs and a C compiler.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from common import TWINS, Missing, Result, main, table, tool
from ring_read import SYSTEM_PYTHON, has_bcc, opened_by_bcc

ROUNDS: Final = 3
SECONDS: Final = 3
APART: Final = 100_000
"""Nanoseconds from one event to the next."""
OF_BCC: Final = 0.5
PROGRAM: Final = """
from pyebpf import Config, RingBuf, char, comm, ktime_ns, pid, raw_tracepoint, struct, u32, u64

producer = Config[u32](0)
getppid = Config[u64](0)


@struct
class Event:
    time: u64
    pid: u32
    comm: char[16]


events = RingBuf[Event](size=1 << 20)


@raw_tracepoint("sys_enter")
def probe(ctx):
    if pid() == producer.value and ctx.args[1] == getppid.value:
        with events.reserve() as event:
            event.time = ktime_ns()
            event.pid = pid()
            event.comm = comm()
"""
NUMBERS: Final = {"x86_64": 110, "aarch64": 173, "s390x": 64}
_FIELDS: Final = '("time", ctypes.c_uint64), ("pid", ctypes.c_uint32), ("comm", ctypes.c_char * 16)'
BCC: Final = (
    opened_by_bcc("time", _FIELDS)
    + """
def spent():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime

print("ready", flush=True)
start, end = spent(), time.monotonic() + float(sys.argv[2])
while time.monotonic() < end:
    bpf.ring_buffer_poll(100)
print(len(seen), spent() - start, flush=True)
"""
)


def spent() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def ours(ring: Any, producer: subprocess.Popen[str], gather: float) -> tuple[int, float]:
    """Events, and seconds of processor time, for as long as they come and a moment more."""
    usual, ring.gather = ring.gather, gather
    begin(producer)
    start, count, end = spent(), 0, time.monotonic() + SECONDS + 0.5
    while time.monotonic() < end:
        for event in ring.poll(0.1):
            count += bool(event.comm)
    ring.gather = usual
    return count, spent() - start


def by_bcc(ring: Any, producer: subprocess.Popen[str]) -> tuple[int, float]:
    fd = ring.ring.map_fd
    command = [SYSTEM_PYTHON, "-c", BCC, str(fd), str(SECONDS + 0.5)]
    with subprocess.Popen(command, pass_fds=[fd], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        begin(producer)
        count, seconds = process.stdout.readline().split()
    return int(count), float(seconds)


def begin(producer: subprocess.Popen[str]) -> None:
    assert producer.stdin is not None
    producer.stdin.write("\n")
    producer.stdin.flush()


def one(name: str, source: Path, program: Path) -> float:
    """The share of a CPU that a reader took."""
    import pyebpf

    cpus = sorted(os.sched_getaffinity(0))
    pipe = subprocess.PIPE
    command = ["taskset", "-c", str(cpus[0]), str(program), str(APART), str(SECONDS)]
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as producer:
        time.sleep(0.2)  # taskset has become the program
        given = {"producer": producer.pid, "getppid": NUMBERS[os.uname().machine]}
        with pyebpf.load(source, config=given) as session:
            os.sched_setaffinity(0, cpus[1:])
            ring = session.maps["events"]
            ring.poll(0)
            if name == "BCC":
                count, seconds = by_bcc(ring, producer)
            else:
                count, seconds = ours(ring, producer, ring.gather if name == "pyebpf" else 0)
            os.sched_setaffinity(0, cpus)
            assert producer.stdout is not None
            made, dropped = int(producer.stdout.readline()), ring.dropped
    assert count + dropped == made and not dropped, (name, made, count, dropped)
    return seconds / SECONDS


def measure(rounds: int = ROUNDS) -> Result:
    if len(os.sched_getaffinity(0)) < 2:
        raise Missing("needs two CPUs")
    names = ["pyebpf", "each", *(["BCC"] if has_bcc() else [])]
    found: dict[str, list[float]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory(prefix="pyebpf-bench-") as name:
        source, program = Path(name) / "steady.py", Path(name) / "paced"
        source.write_text(PROGRAM)
        subprocess.run([tool("cc", "gcc", "clang-19", "clang"), "-O2", "-o", program, TWINS / "paced.c"], check=True)
        for _ in range(rounds):
            for each in names:
                found[each].append(one(each, source, program))
    middle = {name: statistics.median(shares) for name, shares in found.items()}
    title = f"{10**9 // APART:,} events a second"
    print(table((title, "% of a CPU"), [(name, f"{100 * share:.1f}") for name, share in middle.items()]))
    peer = "BCC" if "BCC" in middle else "each"
    ratio = middle["pyebpf"] / middle[peer]
    return Result(
        ratio <= OF_BCC,
        f"who waits for 10,000 events a second takes {100 * middle['pyebpf']:.1f} % of a CPU, {ratio:.2f} times what "
        f"{'BCC' if peer == 'BCC' else 'waking for each'} takes (at most {OF_BCC})",
    )


if __name__ == "__main__":
    main(measure)
