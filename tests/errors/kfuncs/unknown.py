from pyebpf import XDP, xdp
from pyebpf.kfuncs import bpf_task_from_pidd, tcp_sendmsg


@xdp
def probe(packet):
    bpf_task_from_pidd(1)  # error
    tcp_sendmsg()  # error
    return XDP.PASS
