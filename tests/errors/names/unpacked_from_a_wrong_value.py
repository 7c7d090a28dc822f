from pyebpf import XDP, u32, xdp


@xdp
def probe(packet):
    both = missing_name  # error
    first, (second, third) = both[0], (both[1], 3)
    if second == third:
        return XDP.DROP
    return u32(first)
