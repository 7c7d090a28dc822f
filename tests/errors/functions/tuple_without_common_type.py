from pyebpf import Array, u8, u64, xdp

out = Array[u64](max_entries=1)

@xdp
def probe(packet):
    pair = packet.load(0, u64), packet.load(8, u8) - 300
    out[0] = u64(pair[packet.load(9, u8) & 1])  # error
    return 2
