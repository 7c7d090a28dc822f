"""Pointers that the verifier knows, in a loop that the kernel runs as a function; those that meet, and a null one."""

import os
from pathlib import Path

from pyebpf import Config, Global, tp_btf, u32, u64

SINCE = (5, 17)
JIT = True

only = Config[u32](0)
rounds, memory, group = Global[u64](0), Global[u64](0), Global[u32](0)


@tp_btf("task_rename")
def known(task):
    if task.tgid != only.value:
        return
    leader = task.group_leader
    total = 0
    for number in range(100_000):
        total += leader.tgid == only.value
        parent = leader.real_parent
        if number & 0xFFF == 5 and parent.mm is not None:
            memory.value += parent.mm.total_vm & 1
    rounds.value = u64(total)
    chosen = task
    for _ in range(20):
        if chosen.tgid == 1:
            break
        group.value += 1
        chosen = chosen.real_parent


def config():
    return {"only": os.getpid()}


def check(session):
    Path("/proc/self/comm").write_text("loops")
    found = {name: view.value for name, view in session.variables.items()}
    assert found["rounds"] == 100_000
    assert 1 <= found["group"] <= 20
