from pyebpf import XDP, Global, Hash, rcu, u32, u64, xdp
from pyebpf.kfuncs import bpf_task_from_pid

table = Hash[u32, u64](max_entries=64)


@xdp
def probe(packet):
    with bpf_task_from_pid(1) as task:
        for key in table:  # error
            if key == task.tgid:
                return XDP.DROP
    with rcu:
        for key in table:  # error
            if key == 5:
                break
            if key == 6:
                return XDP.DROP
    return XDP.PASS
