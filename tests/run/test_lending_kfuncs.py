"""A kfunc that gives a struct which isn't given back: what it says is what /proc/slabinfo says."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import pyebpf
from pyebpf import Array, raw_tracepoint, u64
from pyebpf.kernel.btf import Btf, Kind
from pyebpf.kfuncs import bpf_get_kmem_cache

pytestmark = pytest.mark.usefixtures("nothing_left")
seen = Array[u64](max_entries=2)


@raw_tracepoint("sched_switch")
def switches(ctx):
    cache = bpf_get_kmem_cache(ctx.args[1])  # the task that ran
    if cache is None:
        seen[1] += 1
    else:
        seen[0] = cache.object_size


def test_the_size_of_a_task() -> None:
    if Btf.running().find("bpf_get_kmem_cache", Kind.FUNC) is None:
        pytest.skip("Linux 6.14 brought bpf_get_kmem_cache")
    rows = (line.split() for line in Path("/proc/slabinfo").read_text().splitlines())
    size = next(int(row[3]) for row in rows if row[0] == "task_struct")
    with pyebpf.load(switches) as session:
        deadline = time.monotonic() + 5
        while not seen[0] and time.monotonic() < deadline:
            time.sleep(0.01)
        assert seen[0] == size
        assert not session.faults
