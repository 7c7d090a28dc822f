from pyebpf import XDP, Arena, u64, xdp

counts = Arena[u64](max_entries=1_000_000_000)  # error


@xdp
def probe(packet):
    counts[3] += 1
    return XDP.PASS
