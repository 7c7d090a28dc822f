"""Members that were renamed or moved between the kernels: the same object reads each by the name that is there."""

import os

from pyebpf import Array, Global, current_task, i64, raw_tracepoint, struct, tid, u32, u64

SINCE = (5, 10)
PORTABLE = True


@struct
class State:
    running: u64
    capabilities: u64
    cpu: u32


watched = Global[u32](0)
found = Array[State](max_entries=1)


@raw_tracepoint("sys_enter")
def read_state(ctx):
    if tid() != watched.value:
        return
    task, out = current_task(), found[0]
    if hasattr(task, "__state"):  # since 5.14
        out.running = task.__state
    else:
        state: i64 = task.state
        out.running = u64(state)
    if hasattr(task.cred.cap_effective, "val"):  # since 6.3
        out.capabilities = task.cred.cap_effective.val
    else:
        low: u32[2] = task.cred.cap_effective.cap
        out.capabilities = low[0] | low[1] << 32


def check(session):
    session.variables["watched"].value = os.getpid()
    os.getppid()
    session.variables["watched"].value = 0
    out = session.maps["found"][0]
    assert out.running == 0  # TASK_RUNNING
    with open("/proc/self/status") as file:
        status = dict(line.split(":", 1) for line in file)
    assert out.capabilities == int(status["CapEff"], 16)
