from pyebpf import Hash, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for i in range(8):
        if i == 8:  # warning
            counts[1] = 1
