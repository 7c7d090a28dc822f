"""Programs on perf events of the kernel's: a clock on every CPU, and the page faults of a process."""

import mmap
import os
import time

from pyebpf import BPF_F_USER_STACK, Config, Global, Hash, StackTrace, i64, perf_event, pid, profile, u32, u64
from pyebpf.helpers import get_stackid

SINCE = (4, 9)

only = Config[u32](0)
pages = Hash[u64, u64](max_entries=1024)
samples = Global[u64](0)
instruction = Global[u64](0)
stack = Global[u64](0)
number = Global[i64](-1)
stacks = StackTrace(max_entries=64)


@profile(hz=199)
def sample(ctx):
    if pid() == only.value:
        samples.value += 1
        instruction.value = ctx.ip
        stack.value = ctx.sp


@perf_event("page-faults")
def fault(ctx):
    if pid() == only.value:
        pages[ctx.addr >> 12] += 1
        number.value = get_stackid(stacks, BPF_F_USER_STACK)


def config():
    return {"only": os.getpid()}


def where():
    return {"fault": f"pid={os.getpid()}"}


def check(session):
    end = time.monotonic() + 10
    while time.monotonic() < end and session.variables["samples"].value < 5:
        sum(range(1000))
    assert session.variables["samples"].value >= 5
    assert session.variables["instruction"].value and session.variables["stack"].value
    before = set(session.maps["pages"].to_dict())
    with mmap.mmap(-1, 32 * mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.write(bytes(32 * mmap.PAGESIZE))
    seen = sorted(set(session.maps["pages"].to_dict()) - before)
    assert any(seen[n : n + 32] == list(range(seen[n], seen[n] + 32)) for n in range(len(seen) - 31)), seen
    found = session.variables["number"].value
    assert found < 0 or session.maps["stacks"][found], found
    for link in session.links:
        link.detach()
