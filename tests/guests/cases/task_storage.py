"""A value for each task."""

import os

from surroundings import ask_priority

from pyebpf import Config, TaskStorage, current_task, pid, raw_tracepoint, struct, u32, u64

SINCE = (5, 11)
GETPRIORITY = {"x86_64": 140, "aarch64": 141, "s390x": 96}[os.uname().machine]


@struct
class State:
    calls: u64
    other: u64


only, number = Config[u32](0), Config[u64](0)
calls = TaskStorage[u64]()
made = TaskStorage[State]()


@raw_tracepoint("sys_enter")
def on_system_call(ctx):
    if pid() == only.value and ctx.args[1] == number.value:
        calls[current_task()] += 1
        state = made.get(current_task(), create=True)
        state.calls += 2


def config():
    return {"only": os.getpid(), "number": GETPRIORITY}


def check(session):
    ask_priority(5)
    assert session.maps["calls"][os.getpid()] == 5
    assert session.maps["made"][os.getpid()].calls == 10
