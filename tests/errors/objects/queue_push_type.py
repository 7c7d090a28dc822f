from pyebpf import Queue, XDP, u32, xdp

jobs = Queue[u32](max_entries=16)


@xdp
def probe(packet):
    jobs.push("one")  # error
    jobs.push()  # error
    jobs.append(1)  # error
