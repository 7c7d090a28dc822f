"""Tasks, cgroups and CPU masks that entries of maps hold."""

import os

from surroundings import test_run

from pyebpf import XDP, Array, Global, Hash, Kernel, current_cgroup, i32, struct, u32, u64, xdp
from pyebpf.kfuncs import bpf_task_from_pid

SINCE = (6, 3)
JIT = True
ATTACH = False


@struct
class Slot:
    number: u64
    task: Kernel["struct task_struct"]
    group: Kernel["struct cgroup"]


slots = Array[Slot](max_entries=4)
table = Hash[u32, Slot](max_entries=4)
wanted, found, level = Global[i32](0), Global[u64](0), Global[u64](0)


@xdp
def keep(packet):
    with bpf_task_from_pid(wanted.value) as task:
        slots[1].task = task
        table[3] = Slot(number=5)
        table[3].task = task
    table[3].group = current_cgroup()
    return XDP.DROP


@xdp
def look(packet):
    slots[2].task = slots[1].task
    slots[1].task = None
    if slots[1].task is not None:
        return XDP.TX
    if (task := slots[2].task) is not None:
        found.value = u64(task.pid)
    if (group := table[3].group) is not None:
        level.value = u64(group.level) + 1
    del table[3]
    return XDP.DROP


def check(session):
    variables = session.variables
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.read(read, 1)
        os._exit(0)
    variables["wanted"].value = child
    assert test_run(session, "keep", bytes(64)) == XDP.DROP
    os.write(write, b"x")
    os.waitpid(child, 0)  # its number is free again, and what was kept still knows it
    assert test_run(session, "look", bytes(64)) == XDP.DROP
    assert (variables["found"].value, session.faults) == (child, ())
    assert variables["level"].value >= 1 and len(session.maps["table"]) == 0
