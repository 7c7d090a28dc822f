from pyebpf import Hash, pid, struct, tracepoint, u32, u64


@struct
class Stats:
    calls: u64


stats = Hash[u32, Stats](max_entries=1024)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    entry = stats.get(pid())
    entry.calls += 1  # error
