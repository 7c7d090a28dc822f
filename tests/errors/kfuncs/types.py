from pyebpf import XDP, xdp
from pyebpf.kfuncs import bpf_cpumask_create


@xdp
def probe(packet):
    bpf_cpumask_create()  # error
    return XDP.PASS
