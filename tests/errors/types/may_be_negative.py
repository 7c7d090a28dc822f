from pyebpf import Hash, ktime_ns, pid, tracepoint, u32, u64

last = Hash[u32, u64](max_entries=1024)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    delta = pid() - 1000
    last[pid()] = ktime_ns() + delta  # error
