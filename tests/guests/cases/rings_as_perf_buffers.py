"""A RingBuf, and what is printed, compiled for a kernel without ring buffers: perf buffers with the same face."""

import os

from pyebpf import Global, RingBuf, char, comm, ktime_ns, pid, raw_tracepoint, struct, u32, u64

SINCE = (5, 4)
PORTABLE = True
EACH = 10


@struct
class Event:
    time: u64
    number: u32
    pid: u32
    name: char[16]


only = Global[u32](0)
total = Global[u32](0)
events = RingBuf[Event](size=64 * 1024)


@raw_tracepoint("sys_enter")
def tell(ctx):
    if pid() != only.value or total.value >= EACH:
        return
    total.value += 1
    with events.reserve() as event:
        event.time = ktime_ns()
        event.number = total.value
        event.pid = pid()
        event.name = comm()
        if total.value == 4:
            assert event.number == 0
    whole = Event(number=u32(total.value + 100))
    events.output(whole)
    print(f"{total.value} of {comm()!r}")


def check(session):
    session.variables["only"].value = os.getpid()
    for _ in range(EACH + 5):
        os.getppid()
    session.variables["only"].value = 0
    found = session.maps["events"].poll(1)
    expected = [number for n in range(1, EACH + 1) for number in ((n, n + 100) if n != 4 else ())]
    assert [event.number for event in found] == expected
    assert found[0].pid == os.getpid() and session.maps["events"].dropped == 0
    with open("/proc/self/comm") as name:
        comm = name.read().strip()
    assert session.prints.poll() == [f"{number} of {comm!r}" for number in range(1, EACH + 1) if number != 4]
    assert session.prints.dropped == 0
