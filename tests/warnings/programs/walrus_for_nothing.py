from pyebpf import Hash, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if (seen := counts.get(pid())) is not None:  # warning
        counts[pid()] = 1
