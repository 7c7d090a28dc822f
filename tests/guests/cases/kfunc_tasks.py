"""A kfunc that hands out a task, which is given back on every way."""

import os
from pathlib import Path

from surroundings import test_run

from pyebpf import XDP, Global, char, i32, u64, xdp
from pyebpf.kfuncs import bpf_task_from_pid

SINCE = (6, 2)
JIT = True
ATTACH = False

wanted = Global[i32](0)
found = Global[u64](0)
name = Global[char[16]]()


@xdp
def look(packet):
    with bpf_task_from_pid(wanted.value) as task:
        found.value = u64(task.tgid)
        name.value = task.comm
    return XDP.DROP


def check(session):
    session.variables["wanted"].value = os.getpid()
    assert test_run(session, "look") == XDP.DROP
    assert session.variables["found"].value == os.getpid()
    assert session.variables["name"].value == Path("/proc/self/comm").read_text().strip()
    session.variables["wanted"].value = 2**22 + 5
    assert test_run(session, "look") == XDP.PASS
    assert [fault.kind for fault in session.faults] == ["NullPointerError"]
