from pyebpf import Hash, pid, raw_tracepoint, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)


@raw_tracepoint("sys_enter")
def count(ctx):
    counts[pid()] += 1


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    count(ctx)  # error
