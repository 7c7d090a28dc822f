from pyebpf import Hash, pid, tracepoint, u32, u64

counts = Hash[u32, u64]()  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[pid()] += 1
