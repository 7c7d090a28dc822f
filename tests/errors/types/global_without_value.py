from pyebpf import Global, Hash, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)
watched = Global[u32](0)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if pid() == watched:  # error
        counts[pid()] += 1
