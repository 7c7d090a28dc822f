"""The kernel's iterators as loops: processes, threads, mappings, bits and numbers, counted and kept."""

import os
import threading
from pathlib import Path

from surroundings import test_run

from pyebpf import (
    BPF_TASK_ITER_ALL_PROCS,
    BPF_TASK_ITER_PROC_THREADS,
    XDP,
    Array,
    Global,
    Hash,
    char,
    i32,
    u32,
    u64,
    xdp,
)
from pyebpf.kfuncs import bpf_task_from_pid, iter_bits, iter_num, iter_task, iter_task_vma

SINCE = (6, 11)
JIT = True
ATTACH = False

wanted = Global[i32](0)
count = Global[u64](0)
cells = Array[u64](max_entries=16)
names = Hash[u32, char[16]](max_entries=4096)
mappings = Hash[u64, u64](max_entries=4096)


@xdp
def processes(packet):
    n = 0
    for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
        names[task.pid] = task.comm
        n += 1
        if n == 4096:
            return XDP.TX
    count.value = n
    return XDP.DROP


@xdp
def of_one(packet):
    with bpf_task_from_pid(wanted.value) as task:
        for vma in iter_task_vma(task, 0):
            mappings[vma.vm_start] = vma.vm_end
        count.value = sum(1 for _ in iter_task(task, BPF_TASK_ITER_PROC_THREADS))
    return XDP.DROP


@xdp
def numbers(packet):
    mask = u64[1](0b1011)
    seen = 0
    for i in iter_num(2, wanted.value):
        for bit in iter_bits(mask):
            if bit == 1:
                continue
            if seen < 16:
                cells[seen] = i * 10 + bit
            seen += 1
            if i == 9:
                break
    count.value = seen
    return XDP.DROP


def maps():
    lines = [line for line in Path("/proc/self/maps").read_text().splitlines() if "vsyscall" not in line]
    return {tuple(int(end, 16) for end in line.split()[0].split("-")) for line in lines}


def check(session):
    count, wanted, maps_of = session.variables["count"], session.variables["wanted"], session.maps["mappings"]
    assert test_run(session, "processes") == XDP.DROP
    found = dict(session.maps["names"].items())
    assert found[os.getpid()] == Path("/proc/self/comm").read_text().strip() and len(found) > 1
    assert count.value == len(found)
    wanted.value = os.getpid()
    waiting = threading.Event()
    other = threading.Thread(target=waiting.wait)
    other.start()
    try:
        before = maps()
        assert test_run(session, "of_one") == XDP.DROP
        assert count.value == 2
        assert not before & maps() - set(maps_of.items()) and len(maps_of) > 10
    finally:
        waiting.set()
        other.join()
    wanted.value = 11
    assert test_run(session, "numbers") == XDP.DROP
    assert list(session.maps["cells"])[:6] == [20, 23, 30, 33, 40, 43]
    assert count.value == 2 * 7 + 1 + 2
    assert not session.faults
