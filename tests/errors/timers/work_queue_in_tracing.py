from pyebpf import Hash, WorkQueue, function, raw_tracepoint, struct, u32, u64


@struct
class Job:
    count: u64
    work: WorkQueue


jobs = Hash[u32, Job](max_entries=8)


@function
def tidy(job):  # error
    job.count += 1


@raw_tracepoint("sys_enter")
def probe(ctx):
    jobs[1].work.start(tidy)  # error
