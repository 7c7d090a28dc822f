from pyebpf import XDP, ArrayOfMaps, Hash, HashOfMaps, u32, u64, xdp

tables = HashOfMaps[u32, Hash[u32, u64](max_entries=16)](max_entries=8)
others = ArrayOfMaps[Hash[u32, u32](max_entries=16)](max_entries=8)


@xdp
def probe(packet):
    table = tables[1]
    table = others[1]  # error
    table = 7  # error
    return XDP.PASS
