from pyebpf import Hash, function, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)


@function
def key():
    return pid() + offset  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[u32(key())] += 1
