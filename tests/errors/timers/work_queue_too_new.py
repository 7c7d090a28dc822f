# options: --kernel 6.6
from pyebpf import XDP, Hash, WorkQueue, function, struct, u32, u64, xdp


@struct
class Job:
    count: u64
    work: WorkQueue


jobs = Hash[u32, Job](max_entries=8)


@function
def tidy(job):
    job.count += 1


@xdp
def probe(packet):
    jobs[1].work.start(tidy)  # error
    return XDP.PASS
