from pyebpf import Hash, function, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=16)


@function
def note(key):
    doubled = key * 2  # warning
    counts[key] = 1


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    note(pid())
    note(4)
