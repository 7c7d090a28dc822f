from pyebpf import Array, Kernel, struct, tp_btf, u64


@struct
class Slot:
    number: u64
    file: Kernel["struct file"]  # error


slots = Array[Slot](max_entries=4)


@tp_btf("task_rename")
def probe(task):
    slots[0].number = 1
