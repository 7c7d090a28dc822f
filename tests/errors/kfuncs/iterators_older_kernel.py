# options: --kernel 6.1
from pyebpf import BPF_TASK_ITER_ALL_PROCS, XDP, Global, u64, xdp
from pyebpf.kfuncs import iter_num, iter_task

count = Global[u64](0)


@xdp
def probe(packet):
    for task in iter_task(None, BPF_TASK_ITER_ALL_PROCS):  # error
        count.value += 1
    for number in iter_num(0, 4):  # error
        count.value += 1
    return XDP.DROP
