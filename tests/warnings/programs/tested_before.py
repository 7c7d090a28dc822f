from pyebpf import Hash, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    size = counts.get(1, 0)
    if size > 100:
        return
    if size <= 100:  # warning
        counts[1] = 1
    if size > 200 and pid() == 1:  # warning
        counts[2] = 1
