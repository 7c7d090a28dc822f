# options: --kernel 6.1
from pyebpf import Array, Kernel, struct, tp_btf, u64


@struct
class Slot:
    number: u64
    task: Kernel["struct task_struct"]


slots = Array[Slot](max_entries=4)


@tp_btf("task_rename")
def probe(task):
    slots[0].task = task  # error
