"""Records in a ring buffer, decoded; text of user space in them."""

import os
from contextlib import suppress

from pyebpf import Config, RingBuf, char, comm, ktime_ns, pid, struct, tracepoint, u32, u64, user_str

SINCE = (5, 8)
PATH = "/no such place/at all"


@struct
class Opened:
    time: u64
    pid: u32
    comm: char[16]
    path: char[64]


only = Config[u32](0)
opened = RingBuf[Opened](size=64 * 1024)


@tracepoint("syscalls:sys_enter_openat")
def on_openat(ctx):
    if pid() == only.value:
        with opened.reserve() as event:
            event.time = ktime_ns()
            event.pid = pid()
            event.comm = comm()
            event.path = user_str(ctx.filename)


def config():
    return {"only": os.getpid()}


def check(session):
    for number in range(3):
        with suppress(FileNotFoundError):
            os.open(f"{PATH} {number}", os.O_RDONLY)
    events = [event for event in session.maps["opened"].poll() if event.path.startswith(PATH)]
    assert [event.path for event in events] == [f"{PATH} {number}" for number in range(3)]
    assert {event.pid for event in events} == {os.getpid()}
    with open("/proc/self/comm") as name:
        assert {event.comm for event in events} == {name.read().strip()}
    assert 0 < events[0].time < events[1].time < events[2].time
