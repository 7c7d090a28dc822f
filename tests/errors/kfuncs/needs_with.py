from pyebpf import XDP, xdp
from pyebpf.kfuncs import bpf_rcu_read_unlock, bpf_task_from_pid


@xdp
def probe(packet):
    task = bpf_task_from_pid(1)  # error
    bpf_rcu_read_unlock()  # error
    return XDP.PASS
