from pyebpf import BPF_TASK_ITER_ALL_PROCS, XDP, Global, u64, xdp
from pyebpf.kfuncs import (
    bpf_get_task_exe_file,
    bpf_iter_task_new,
    bpf_iter_task_next,
    bpf_preempt_disable,
    bpf_task_from_pid,
    iter_bits,
    iter_css_task,
    iter_num,
    iter_task,
    iter_taks,
)

count = Global[u64](0)


@xdp
def parts(packet):
    bpf_iter_task_new(None, BPF_TASK_ITER_ALL_PROCS)  # error
    return XDP.DROP


@xdp
def next_alone(packet):
    while bpf_iter_task_next():  # error
        count.value += 1
    return XDP.DROP


@xdp
def afterwards(packet):
    for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
        if task.pid == 1:
            break
    count.value = u64(task.pid)  # error
    return XDP.DROP


@xdp
def kept(packet):
    tasks = iter_task(None, BPF_TASK_ITER_ALL_PROCS)  # error
    for task in tasks:
        count.value += 1
    return XDP.DROP


@xdp
def takes(packet):
    for task in iter_task(None):  # error
        count.value += 1
    for task in iter_task(1, BPF_TASK_ITER_ALL_PROCS):  # error
        count.value += 1
    for number in iter_num(None, 3):  # error
        count.value += 1
    for bit in iter_bits(7):  # error
        count.value += 1
    for number in iter_num(0, end=3):  # error
        count.value += 1
    return XDP.DROP


@xdp
def unknown(packet):
    for task in iter_taks(None, 0):  # error
        count.value += 1
    return XDP.DROP


@xdp
def not_a_sequence(packet):
    if 3 in iter_num(0, 4):  # error
        return XDP.TX
    for number, other in zip(iter_num(0, 4), iter_num(0, 4)):  # error
        count.value += number
    count.value = len(iter_num(0, 4))  # error
    return XDP.DROP


@xdp
def of_a_kind(packet):
    with bpf_task_from_pid(1) as task:
        for other in iter_css_task(task.cgroups.dfl_cgrp.self, 0):  # error
            count.value += 1
    return XDP.DROP


@xdp
def not_in_use(packet):
    for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
        for thread in iter_task(task, 2):  # error
            count.value += 1
        with bpf_get_task_exe_file(task):  # error
            count.value += 1
    return XDP.DROP


@xdp
def assigned(packet):
    for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):
        task = task.real_parent  # error
    return XDP.DROP
