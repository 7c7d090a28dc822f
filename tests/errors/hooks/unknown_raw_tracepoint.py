from pyebpf import Hash, pid, raw_tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)


@raw_tracepoint("sched_swich")  # error
def probe(ctx):
    counts[pid()] += 1
