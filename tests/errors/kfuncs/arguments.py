from pyebpf import XDP, current_task, rcu, xdp
from pyebpf.kfuncs import bpf_task_from_pid


@xdp
def probe(packet):
    with bpf_task_from_pid("one") as first:  # error
        pass
    with bpf_task_from_pid() as second:  # error
        pass
    with rcu as lock:  # error
        pass
    with bpf_task_from_pid(1) as task:
        pass
    if task.pid == 1:  # error
        return XDP.DROP
    return XDP.PASS
