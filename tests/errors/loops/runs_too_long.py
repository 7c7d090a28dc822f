from pyebpf import XDP, xdp

@xdp
def probe(packet):
    n = 0
    for i in range(100_000):  # error
        for j in range(100_000):
            n += i & j
    return XDP.DROP if n == 7 else XDP.PASS
