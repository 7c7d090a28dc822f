"""Stacks of the kernel and of this process: counted by, each call once, with names; and written to memory."""

import os
import time

from pyebpf import (
    Config,
    Global,
    RingBuf,
    Stacks,
    comm,
    kernel_stack,
    pid,
    profile,
    raw_tracepoint,
    struct,
    tracepoint,
    u32,
    u64,
    user_stack,
)

SINCE = (5, 8)  # of the ring; stacks are older
CALLS = 50


@struct
class Call:
    pid: u32
    kernel: u64[8]
    user: u64[8]


NUMBERS = {"x86_64": 110, "aarch64": 173, "s390x": 64}

only = Config[u32](0)
number = Config[u64](0)
count = Global[u64](0)
user = Stacks(max_entries=64)
calls = Stacks(max_entries=64)
full = Stacks(max_entries=1, depth=4)
samples = Stacks(max_entries=1024)
events = RingBuf[Call](size=65536)


@raw_tracepoint("sys_enter")
def enter(ctx):
    if pid() == only.value and ctx.args[1] == number.value:
        calls[comm(), kernel_stack(), user_stack()] += 1
        frames: u64[4] = user_stack(skip=1)
        user[frames[0], user_stack()] += 1
        with events.reserve() as event:
            event.pid = pid()
            event.kernel = kernel_stack()
            event.user = user_stack()


@tracepoint("syscalls:sys_enter_getppid")
def again(ctx):  # where 5.10 has no stack of the kernel's
    if pid() == only.value:
        count.value += 1
        full[count.value, user_stack()] += 2


@profile(hz=199)
def sample(ctx):
    if pid() == only.value:
        samples[kernel_stack(), user_stack()] += 1


def config():
    return {"only": os.getpid(), "number": NUMBERS[os.uname().machine]}


def check(session):
    for _ in range(CALLS):
        os.getppid()
    maps = session.maps
    assert maps["calls"].total == CALLS and maps["calls"].dropped == 0
    for found in maps["calls"].counts():
        kinds = [frame.kind == "kernel" for frame in found.frames]
        assert kinds[0] and kinds == sorted(kinds, reverse=True), found
        assert any("sys" in frame.name for frame in found.frames if frame.kind == "kernel"), found
    assert sum(each.count for each in maps["calls"].growth()) == CALLS
    seen = list(maps["events"].poll(1))
    assert len(seen) == CALLS and all(event.kernel[0] >> 47 and event.user[0] for event in seen)
    with open(f"/proc/{os.getpid()}/maps") as mapped:
        ranges = [line.split()[0].split("-") for line in mapped if "x" in line.split()[1]]
    assert any(int(start, 16) <= seen[0].user[0] < int(end, 16) for start, end in ranges)
    assert maps["user"].total == CALLS
    assert maps["full"].dropped == 2 * CALLS - 2 and len(maps["full"]) == 1
    end = time.monotonic() + 10
    while time.monotonic() < end and maps["samples"].total < 5:
        sum(range(1000))
    assert maps["samples"].total >= 5
    assert not session.faults, session.faults
    for link in session.links:
        link.detach()
