from pyebpf import XDP, Global, Hash, rcu, u32, u64, xdp
from pyebpf.kfuncs import bpf_preempt_disable, bpf_task_from_pid, iter_num

table = Hash[u32, u64](max_entries=64)
wanted = Global[u32](0)


@xdp
def probe(packet):
    with bpf_task_from_pid(1) as task:
        for key in table:
            if key == task.tgid:
                return XDP.DROP
    with rcu:
        for key in table:
            if key == 6:
                return XDP.DROP
    with bpf_preempt_disable():
        for key in table:  # error
            with bpf_preempt_disable():
                if key == 6:
                    return XDP.DROP
    for number in iter_num(0, 3):
        for key in table:
            for other in iter_num(0, 3):
                if other == number:
                    break
            wanted.value += u32(table[u32(key + 1)] & 1)
    return XDP.PASS
