from pyebpf import Hash, function, pid, struct, tracepoint, u32, u64

@struct
class Stats:
    calls: u64

stats = Hash[u32, Stats](max_entries=16)

@function
def seen(key):
    stats[key] = Stats(calls=1)
    return 1

@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    stats[pid()] += seen(2)  # error
