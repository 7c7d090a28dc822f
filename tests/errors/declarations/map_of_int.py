from pyebpf import Hash, pid, tracepoint, u32

counts = Hash[u32, int](max_entries=16)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[pid()] += 1
