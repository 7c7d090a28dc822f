from pyebpf import Hash, char, comm, pid, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    total = counts.get(pid(), 0)  # warning
    name: char[16] = comm()  # warning
    if (seen := counts.get(1)) is not None:
        counts[pid()] += seen
    _ignored = pid()
