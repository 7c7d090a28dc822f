"""Sections without interrupts, without other tasks, and under RCU: given back on every way out, one in another."""

import os

from surroundings import test_run

from pyebpf import BPF_TASK_ITER_ALL_PROCS, XDP, Array, Global, i32, rcu, u8, u64, xdp
from pyebpf.kfuncs import bpf_local_irq_save, bpf_preempt_disable, iter_task

SINCE = (6, 14)
JIT = True
ATTACH = False

wanted = Global[i32](0)
cells = Array[u64](max_entries=4)


@xdp
def sections(packet):
    at = packet.load(0, u8)
    for i in range(3):
        with bpf_local_irq_save():
            try:
                cells[at] += 1
            except IndexError:
                cells[3] += 1
                continue
            with bpf_local_irq_save(), bpf_preempt_disable():
                if at == 1:
                    break
                if at == 2 and i == 1:
                    return XDP.TX
    cells[0] += 10
    return XDP.DROP


@xdp
def once_is_enough(packet):
    with rcu, rcu:
        for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
            with rcu:
                if task.pid == wanted.value:
                    return XDP.TX
    return XDP.DROP


def check(session):
    results = [test_run(session, "sections", bytes([at]) + bytes(63)) for at in (0, 1, 2, 9)]
    assert results == [XDP.DROP, XDP.DROP, XDP.TX, XDP.DROP]
    assert list(session.maps["cells"]) == [33, 1, 2, 3]
    session.variables["wanted"].value = os.getpid()
    assert test_run(session, "once_is_enough") == XDP.TX
    session.variables["wanted"].value = -5
    assert test_run(session, "once_is_enough") == XDP.DROP
    assert not session.faults
