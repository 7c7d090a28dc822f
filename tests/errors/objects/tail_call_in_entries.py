from pyebpf import XDP, Hash, ProgArray, u32, u64, xdp

table = Hash[u32, u64](max_entries=64)
jumps = ProgArray(max_entries=8)


@xdp
def probe(packet):
    for key in table:
        if key < 8:
            return jumps[key](packet)  # error
    return XDP.PASS
