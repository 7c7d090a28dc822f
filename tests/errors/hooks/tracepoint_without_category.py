from pyebpf import Hash, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)


@tracepoint("sys_enter_openat")  # error
def probe(ctx):
    counts[pid()] += 1
