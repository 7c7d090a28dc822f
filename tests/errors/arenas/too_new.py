# options: --kernel 6.6
from pyebpf import XDP, Arena, u64, xdp

counts = Arena[u64](max_entries=64)


@xdp
def probe(packet):
    counts[3] += 1  # error
    return XDP.PASS
