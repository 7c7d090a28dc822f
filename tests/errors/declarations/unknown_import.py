from pyebpf import HashMap, pid, tracepoint, u32, u64  # error

counts = HashMap[u32, u64](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[pid()] += 1
