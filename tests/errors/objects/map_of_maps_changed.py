from pyebpf import XDP, Hash, HashOfMaps, u32, u64, xdp

first = Hash[u32, u64](max_entries=16)
tables = HashOfMaps[u32, Hash[u32, u64](max_entries=16)](max_entries=8)


@xdp
def probe(packet):
    tables[1] = first  # error
    del tables[1]  # error
    tables[1] += 1  # error
    table = tables.get(1)  # error
    return XDP.PASS
