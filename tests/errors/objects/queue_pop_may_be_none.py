from pyebpf import Queue, XDP, struct, u32, xdp


@struct
class Job:
    number: u32


jobs = Queue[Job](max_entries=16)


@xdp
def probe(packet):
    job = jobs.pop(None)
    if job.number == 3:  # error
        return XDP.DROP
    return XDP.PASS
