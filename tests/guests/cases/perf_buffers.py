"""Events in perf buffers, with text and numbers, of several CPUs' one after the other; lost ones are counted."""

import os

from pyebpf import PerfEventArray, char, comm, ktime_ns, pid, raw_tracepoint, struct, u8, u32, u64

SINCE = (5, 10)
ATTACH = False
EACH = 20


@struct
class Event:
    time: u64
    pid: u32
    name: char[16]
    bytes: u8[5]


events = PerfEventArray[Event](pages=2)


@raw_tracepoint("sys_enter")
def tell(ctx):
    for number in range(EACH):
        with events.reserve() as event:
            event.time = ktime_ns()
            event.pid = pid()
            event.name = comm()
            if number == 7:
                continue
            event.bytes[number % 5] = u8(number)


def check(session):
    view = session.maps["events"]
    tell = session.programs["tell"]
    tell.test_run(ctx=bytes(16))
    found = view.poll(1)
    assert len(found) == EACH and view.dropped == 0
    with open("/proc/self/comm") as name:
        assert {event.name for event in found} == {name.read().strip()}
    assert {event.pid for event in found} == {os.getpid()}
    times = [event.time for event in found]
    assert times == sorted(times) and times[0] > 0
    assert [sum(event.bytes) for event in found] == [0 if number == 7 else number for number in range(EACH)]
    written = 0
    while written < 400:
        tell.test_run(ctx=bytes(16))
        written += EACH
    left = view.poll()
    assert 0 < len(left) < written and len(left) + view.dropped == written
    tell.test_run(ctx=bytes(16))
    assert len(view.poll()) == EACH and len(left) + view.dropped == written
