from pyebpf import XDP, SkStorage, socket_filter, u64, xdp

counts = SkStorage[u64]()


@xdp
def probe(packet):
    counts[packet.socket] += 1  # error
    return XDP.PASS


@socket_filter
def another(packet):
    counts[packet.socket] += 1  # error
    return 0
