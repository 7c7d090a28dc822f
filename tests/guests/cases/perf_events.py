"""Programs on perf events of the kernel's own: a clock on every CPU, and the page faults of this process."""

import mmap
import os
import time

from pyebpf import Config, Global, perf_event, pid, profile, u32, u64

SINCE = (5, 7)

only = Config[u32](0)
ticks, faults = Global[u64](0), Global[u64](0)


@profile(hz=99)
def sampled(ctx):
    if pid() == only.value:
        ticks.value += 1


@perf_event("page-faults", period=1)
def faulted(ctx):
    if pid() == only.value:
        faults.value += 1


def config():
    return {"only": os.getpid()}


def check(session):
    with mmap.mmap(-1, 64 * mmap.PAGESIZE) as memory:
        for page in range(64):
            memory[page * mmap.PAGESIZE] = 1
    assert session.variables["faults"].value >= 1
    end = time.monotonic() + 20
    while not session.variables["ticks"].value:
        assert time.monotonic() < end
