from pyebpf import XDP, socket_filter, u32, xdp
from pyebpf.kfuncs import bpf_cpumask_create, bpf_task_from_pid, bpf_xdp_metadata_rx_hash


@xdp
def probe(packet):
    with bpf_cpumask_create():  # error
        pass
    bpf_xdp_metadata_rx_hash(packet, u32[1](), u32[1]())  # error
    return XDP.PASS


@socket_filter
def other(packet):
    with bpf_task_from_pid(1):  # error
        return 1
