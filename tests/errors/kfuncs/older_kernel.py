# options: --kernel 6.1
from pyebpf import XDP, cgroup, xdp
from pyebpf.kfuncs import bpf_task_from_pid


@xdp
def probe(packet):
    with bpf_task_from_pid(1):  # error
        return XDP.DROP


@cgroup.skb.egress
def since_later(packet):
    with bpf_task_from_pid(1):  # error
        return 1
