from pyebpf import XDP, Hash, WorkQueue, function, struct, u32, u64, xdp


@struct
class Job:
    count: u64
    work: WorkQueue


jobs = Hash[u32, Job](max_entries=8)
others = Hash[u32, Job](max_entries=8)


def plain(job):
    pass


@function
def three(a, b, c):
    pass


@function
def tidy(job):
    job.count += 1


@xdp
def probe(packet):
    jobs[1].work.cancel()  # error
    jobs[1].work.start(1_000, tidy)  # error
    jobs[1].work.start(plain)  # error
    jobs[1].work.start(three)  # error
    jobs[1].work.opaque = 7  # error
    mine = Job(count=1)
    mine.work.start(tidy)  # error
    copy = jobs[1].copy()  # error
    return XDP.PASS
