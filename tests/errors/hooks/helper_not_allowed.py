from pyebpf import XDP, Hash, comm, char, u64, xdp

counts = Hash[char[16], u64](max_entries=1024)


@xdp
def drop(packet):
    counts[comm()] += 1  # error
    return XDP.PASS
