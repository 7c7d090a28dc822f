from pyebpf import Hash, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    size = counts.get(pid(), 0)
    min(size, 64)  # warning
    counts[1] = size
