from pyebpf import XDP, Array, u64, xdp

values = Array[u64](max_entries=64)


@xdp
def probe(packet):
    wanted = packet.load(0, u64)
    low, high = 0, 64
    while low <= high:  # error
        middle = (low + high) >> 1
        if values[middle & 63] < wanted:
            low = middle + 1
        else:
            high = middle
    return XDP.DROP if low else XDP.PASS
