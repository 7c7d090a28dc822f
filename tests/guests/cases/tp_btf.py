"""A tracepoint's arguments by name, with their types."""

import os

from pyebpf import Config, Hash, char, kernel_str, tp_btf, u32, u64

SINCE = (5, 5)

only = Config[u32](0)
names = Hash[char[16], u64](max_entries=16)


@tp_btf("task_rename")
def renamed(comm, task):
    if task.tgid == only.value:
        name: char[16] = kernel_str(comm)
        names[name] += 1


def config():
    return {"only": os.getpid()}


def check(session):
    for name in ("first", "second", "first"):
        with open("/proc/self/comm", "w") as file:
            file.write(name)
    assert session.maps["names"].to_dict() == {"first": 2, "second": 1}
