from pyebpf import XDP, u8, xdp


@xdp
def probe(packet):
    seen = u8[40_000]()  # error
    n = 0
    for i in range(100_000):
        here = u8[200]()
        here[i % 200] = 1
        seen[i & 255] = here[i & 127]
        n += seen[7]
    return XDP.DROP if n else XDP.PASS
