from pyebpf import Array, Kernel, current_task, raw_tracepoint, socket_filter, struct, u64


@struct
class Slot:
    number: u64
    task: Kernel["struct task_struct"]


slots = Array[Slot](max_entries=4)


@socket_filter
def probe(packet):
    slots[0].task = None  # error
    return 0
