from pyebpf import Queue, XDP, ktime_ns, u32, xdp

jobs = Queue[u32](max_entries=16)


@xdp
def probe(packet):
    jobs.push(ktime_ns())  # error
    return XDP.PASS
