from pyebpf import Hash, current_task, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=1024)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[current_task().real_parent.tgidd] += 1  # error
