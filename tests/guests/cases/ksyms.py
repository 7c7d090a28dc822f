"""Variables of the kernel by name: per-CPU ones with their types, others by their addresses. /proc has the figures."""

import os
from pathlib import Path

from pyebpf import Array, Config, cpu, kernel_read, ksyms, tid, tp_btf, u32, u64
from pyebpf.helpers import jiffies64, per_cpu_ptr, this_cpu_ptr
from pyebpf.ksyms import jiffies, kstat, no_such_symbol, process_counts, runqueues, total_forks, vfs_read

SINCE = (5, 11)
MACHINES = ("x86_64", "s390x")  # arm64's kernel has no names of variables
PORTABLE = True
NAMES = ("switches", "softirqs", "processes", "forks", "function", "ticks", "running", "current", "nowhere", "asked")

only = Config[u32](0)
seen = Array[u64](max_entries=10)


@tp_btf("task_rename")
def renamed(comm, task):
    if task.tgid != only.value:
        return
    mine = this_cpu_ptr(runqueues)
    seen[6] = mine.nr_running
    if mine.curr.pid == tid() and u32(mine.cpu) == cpu():
        seen[7] = 1
    for number in range(64):
        if (queue := per_cpu_ptr(runqueues, number)) is not None:
            seen[0] += queue.nr_switches
        if (stat := per_cpu_ptr(kstat, number)) is not None:
            for kind in range(10):
                seen[1] += stat.softirqs[kind]
        if (count := per_cpu_ptr(process_counts, number)) is not None:
            seen[2] += count
    seen[3] = kernel_read(total_forks, u64)
    seen[4] = vfs_read
    seen[5] = max(jiffies64(), kernel_read(jiffies, u64)) - min(jiffies64(), kernel_read(jiffies, u64))
    if per_cpu_ptr(runqueues, 1_000_000) is None and per_cpu_ptr(process_counts, 1_000_000) is None:
        seen[8] = 1
    if hasattr(ksyms, "no_such_symbol"):
        seen[9] = no_such_symbol
    elif hasattr(ksyms, "runqueues"):
        seen[9] = 1


def config():
    return {"only": os.getpid()}


def stat(word):
    line = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith(f"{word} "))
    return int(line.split()[1])


def check(session):
    before = {word: stat(word) for word in ("ctxt", "softirq", "processes")}
    Path("/proc/self/comm").write_text("renamed")
    processes = sum(name.isdecimal() for name in os.listdir("/proc"))
    found = dict(zip(NAMES, session.maps["seen"], strict=True))
    assert before["ctxt"] <= found["switches"] <= stat("ctxt")
    assert before["softirq"] <= found["softirqs"] <= stat("softirq")
    assert before["processes"] == found["forks"] == stat("processes")
    assert found["processes"] == processes
    lines = [line.split() for line in Path("/proc/kallsyms").read_text().splitlines()]
    assert found["function"] == next(int(line[0], 16) for line in lines if line[2] == "vfs_read")
    assert found["ticks"] < 100
    assert 1 <= found["running"] <= int(Path("/proc/loadavg").read_text().split()[3].split("/")[1])
    assert (found["current"], found["nowhere"], found["asked"]) == (1, 1, 1)
