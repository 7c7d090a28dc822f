from pyebpf import XDP, Array, ArrayOfMaps, Hash, HashOfMaps, char, u32, u64, xdp

tables = HashOfMaps[u32, Hash[char[8], u64](max_entries=16)](max_entries=8)
arrays = ArrayOfMaps[Array[u64](max_entries=4)](max_entries=8)


@xdp
def probe(packet):
    table = tables["one"]  # error
    table = tables[1]
    table[2] = 3  # error
    if arrays[8][0]:  # error
        return XDP.DROP
    arrays[1][4] = 1  # error
    if table:  # error
        return XDP.DROP
    return table  # error
