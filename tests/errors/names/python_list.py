from pyebpf import Hash, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)
watched = [1, 2, 3]


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if pid() in watched:  # error
        counts[pid()] += 1
