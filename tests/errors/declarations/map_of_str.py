from pyebpf import Hash, comm, tracepoint, u64

counts = Hash[str, u64](max_entries=16)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[comm()] += 1
