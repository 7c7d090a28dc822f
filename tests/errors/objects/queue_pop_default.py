from pyebpf import Queue, XDP, struct, u32, xdp


@struct
class Job:
    number: u32


jobs = Queue[Job](max_entries=16)


@xdp
def probe(packet):
    job = jobs.pop(0)  # error
    return XDP.PASS
