"""Members of every kind, of one object for every kernel: some were renamed, some moved; and what is loaded directly."""

import os
from pathlib import Path

from pyebpf import (
    Config,
    Global,
    Kernel,
    current_task,
    function,
    i64,
    kernel,
    pid,
    raw_tracepoint,
    sizeof,
    tp_btf,
    u32,
    u64,
)

SINCE = (5, 10)
PORTABLE = True

only = Config[u32](0)
inner, level, mask, policy, forked = Global[i64](0), Global[u32](0), Global[u64](0), Global[u32](0), Global[u32](0)
state, size, ring, nothing, named = Global[i64](-1), Global[u64](0), Global[u32](0), Global[u32](7), Global[u32](0)
parent, leader, threads, either = Global[u32](0), Global[u32](0), Global[i64](0), Global[u32](0)


@function
def state_of(task: Kernel["struct task_struct"]):
    if hasattr(task, "__state"):
        return i64(task.__state)
    old: i64 = task.state  # before 5.14
    return old


@raw_tracepoint("task_rename")
def asked(ctx):
    if pid() == only.value:
        task = current_task()
        own = task.thread_pid
        level.value = own.level
        inner.value = own.numbers[own.level].nr
        mask.value = task.cpus_mask.bits[0]
        policy.value = task.policy
        forked.value = task.sched_reset_on_fork
        state.value = state_of(task)
        size.value = sizeof("struct task_struct")
        ring.value = u32(kernel.enum("BPF_MAP_TYPE_RINGBUF", "bpf_map_type"))
        nothing.value = u32(kernel.has_type("struct nonsense_of_pyebpf")) + u32(hasattr(task, "nonsense_of_pyebpf"))
        named.value = u32(task.fs.pwd.dentry.d_name.name == "/")


@tp_btf("task_rename")
def known(task):
    if task.tgid == only.value:
        parent.value = task.real_parent.tgid
        leader.value = task.group_leader.pid
        threads.value = task.signal.nr_threads
        chosen = task if task.tgid == 0 else task.real_parent
        either.value = chosen.tgid


def config():
    return {"only": os.getpid()}


def check(session):
    os.sched_setscheduler(0, os.SCHED_BATCH | os.SCHED_RESET_ON_FORK, os.sched_param(0))
    os.chdir("/")
    Path("/proc/self/comm").write_text("members")
    found = {name: view.value for name, view in session.variables.items()}
    assert (found["inner"], found["level"]) == (os.getpid(), 0)
    assert found["mask"] == sum(1 << cpu for cpu in os.sched_getaffinity(0))
    assert (found["policy"], found["forked"], found["state"], found["named"]) == (os.SCHED_BATCH, 1, 0, 1)
    assert (found["ring"], found["nothing"]) == (27, 0)
    assert 1000 < found["size"] < 20000
    assert (found["parent"], found["leader"], found["either"]) == (os.getppid(), os.getpid(), os.getppid())
    assert found["threads"] == len(os.listdir("/proc/self/task"))
