"""A process and those that started it, by their numbers: each task is taken from the kernel, and given back."""

from pyebpf import XDP, Global, NullPointerError, RingBuf, char, i32, struct, u32, xdp
from pyebpf.kfuncs import bpf_task_from_pid

DEEPEST = 16


@struct
class Ancestor:
    depth: u32
    pid: i32


wanted = Global[i32](1)
family = RingBuf[Ancestor, str](size=16 * 1024)
missing = Global[u32](0)


@xdp
def walk(packet):
    number = wanted.value
    for depth in range(DEEPEST):
        try:
            with bpf_task_from_pid(number) as task:
                name: char[16] = task.comm
                family.output(Ancestor(depth=depth, pid=number), name)
                number = i32(task.real_parent.tgid)
        except NullPointerError:
            missing.value += 1
            break
        if number <= 1:  # the first process
            return XDP.TX
    return XDP.DROP
