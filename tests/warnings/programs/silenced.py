from pyebpf import Hash, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=16)
LIMIT = 4


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    total = counts.get(pid(), 0)  # pyebpf: ignore[W0101]
    other = counts.get(4, 0)  # pyebpf: ignore
    third = counts.get(4, 0)  # pyebpf: ignore[W0102]  # warning
    if LIMIT > 3:
        counts[0] += 1
