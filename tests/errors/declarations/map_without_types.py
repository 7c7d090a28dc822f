from pyebpf import Hash, pid, tracepoint

counts = Hash(max_entries=16)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[pid()] += 1
