from pyebpf import XDP, Global, current_task, u8, u64, xdp
from pyebpf.kfuncs import bpf_dynptr_size, bpf_strcmp, bpf_strlen, bpf_task_acquire
from pyebpf.kfuncs import bpf_task_from_pid, bpf_xdp_ct_lookup

size = Global[u64](0)


@xdp
def probe(packet):
    flow = u8[36]()
    options = u8[12]()
    with bpf_xdp_ct_lookup(packet, flow, options):
        pass
    with bpf_xdp_ct_lookup(packet, flow):  # error
        pass
    with bpf_xdp_ct_lookup(flow, flow, options):  # error
        pass
    with bpf_xdp_ct_lookup(packet, size.value, options):  # error
        pass
    with bpf_xdp_ct_lookup(packet, flow, flow[: size.value]):
        pass
    bpf_strlen(flow)  # error
    bpf_strcmp("a")  # error
    bpf_dynptr_size(flow)  # error
    with bpf_task_acquire(current_task().real_parent):  # error
        pass
    with bpf_task_acquire(flow):  # error
        pass
    task = bpf_task_from_pid(1)  # error
    return XDP.PASS
