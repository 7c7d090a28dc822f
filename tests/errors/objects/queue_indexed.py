from pyebpf import Queue, XDP, u32, xdp

jobs = Queue[u32](max_entries=16)


@xdp
def probe(packet):
    if jobs[0] == 1:  # error
        return XDP.DROP
    return XDP.PASS
