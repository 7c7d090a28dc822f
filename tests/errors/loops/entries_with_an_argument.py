from pyebpf import XDP, Hash, u32, u64, xdp

table = Hash[u32, u64](max_entries=1000)


@xdp
def probe(packet):
    for key in table.keys(1):  # error
        del table[key]
    return XDP.PASS
