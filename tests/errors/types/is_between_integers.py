from pyebpf import Hash, pid, tid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if pid() is tid():  # error
        counts[pid()] += 1
