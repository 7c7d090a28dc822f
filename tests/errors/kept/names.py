from pyebpf import Array, Kernel, current_task, rcu, struct, syscall, tp_btf, u64
from pyebpf.kfuncs import bpf_task_from_pid


@struct
class Slot:
    number: u64
    task: Kernel["struct task_struct"]


slots = Array[Slot](max_entries=4)


@tp_btf("task_rename")
def probe(task):
    now = task
    slots[0].task = now
    at = task
    for number in range(3):
        slots[number].task = at  # error
        at = at.real_parent
    parent = task.real_parent
    slots[1].task = parent  # error


@syscall
def later():
    with rcu:
        kept = slots[0].task
        slots[1].task = kept
    slots[2].task = kept  # error
    with bpf_task_from_pid(2) as task:
        same = task
        slots[0].task = same
    slots[3].task = same  # error
    slots[1].task = slots[0].task  # error
    me = current_task()
    slots[0].task = me
