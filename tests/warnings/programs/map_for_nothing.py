from pyebpf import Array, Hash, pid, tracepoint, u8, u32, u64

counts = Hash[u32, u64](max_entries=16)
totals = Array[u64](max_entries=4)  # warning
filters = Hash[u32, u8](max_entries=16)  # pyebpf: ignore[W0106]


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[pid()] += 1
