from pyebpf import XDP, Ethernet, Global, u64, xdp

drops = Global[u64](0)


@xdp
def probe(packet):
    packet.parse(Ethernet)
    return XDP.PASS
    drops.value += 1  # warning
