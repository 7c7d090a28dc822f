from pyebpf import Hash, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)
limit = 4


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[limit] += 1  # error
    limit = 5
