from pyebpf import Kernel, RingBuf, struct, tp_btf, u64


@struct
class Event:
    number: u64
    task: Kernel["struct task_struct"]


events = RingBuf[Event](size=4096)  # error


@tp_btf("task_rename")
def probe(task):
    with events.reserve() as event:
        event.number = 1
