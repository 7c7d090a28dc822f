"""The current task: ids, parents, name, start, signals and limits, as /proc and system calls have them."""

import os
import resource
import time

from pyebpf import Array, Global, char, current_task, i32, raw_tracepoint, struct, tid, u32, u64

SINCE = (5, 10)
PORTABLE = True


@struct
class Task:
    pid: u32
    tgid: u32
    parent: u32
    leader: u32
    inner: i32
    threads: i32
    exit_signal: i32
    start: u64
    files: u64
    most_files: u64
    comm: char[16]


watched = Global[u32](0)
found = Array[Task](max_entries=1)


@raw_tracepoint("sys_enter")
def read_task(ctx):
    if tid() != watched.value:
        return
    task = current_task()
    out = found[0]
    out.pid = task.pid
    out.tgid = task.tgid
    out.parent = task.real_parent.tgid
    out.leader = task.group_leader.pid
    out.inner = task.thread_pid.numbers[0].nr
    out.threads = task.signal.nr_threads
    out.exit_signal = task.exit_signal
    out.start = task.start_boottime
    out.files = task.signal.rlim[7].rlim_cur
    out.most_files = task.signal.rlim[7].rlim_max
    out.comm = task.comm


def check(session):
    session.variables["watched"].value = os.getpid()
    os.getppid()
    session.variables["watched"].value = 0
    out = session.maps["found"][0]
    assert (out.pid, out.tgid, out.leader, out.inner) == (os.getpid(),) * 4
    assert out.parent == os.getppid()
    with open("/proc/self/stat") as file:
        after_name = file.read().rpartition(")")[2].split()
    assert out.threads == int(after_name[17])
    assert out.exit_signal == int(after_name[35])
    ticks = os.sysconf("SC_CLK_TCK")
    assert out.start * ticks // 10**9 == int(after_name[19])
    assert (out.files, out.most_files) == tuple(limit % 2**64 for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    with open("/proc/self/comm") as file:
        assert out.comm == file.read().rstrip("\n")
    assert time.clock_gettime_ns(time.CLOCK_BOOTTIME) > out.start > 0
