from pyebpf import Hash, comm, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[comm()] += 1  # error
