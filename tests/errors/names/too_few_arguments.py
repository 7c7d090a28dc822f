from pyebpf import Hash, function, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)


@function
def scaled(value, by):
    return value * by


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[u32(scaled(pid()))] += 1  # error
