from pyebpf import Hash, pid, tracepoint, u32, u64


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts = Hash[u32, u64](max_entries=16)  # error
    counts[pid()] += 1
