from pyebpf import Array, Hash, Kernel, current_cgroup, current_task, pid, struct, tp_btf, u32, u64


@struct
class Slot:
    number: u64
    task: Kernel["struct task_struct"]


slots = Array[Slot](max_entries=4)
table = Hash[u32, Slot](max_entries=4)


@tp_btf("task_rename")
def probe(task):
    slots[0].task = current_cgroup()  # error
    slots[0].task = pid()  # error
    slots[0].task = task.real_parent  # error
    mine = Slot(number=7)
    mine.task = current_task()  # error
    other = slots[1].copy()  # error
    slots[1] = table[7]  # error
    if slots[1] == slots[2]:  # error
        slots[0].number += 1
    slots[1].task.pid = 5  # error
    table[1] = Slot(number=1, task=current_task())  # error
