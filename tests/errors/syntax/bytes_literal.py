from pyebpf import Hash, char, tracepoint, u64

counts = Hash[char[16], u64](max_entries=1024)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[b"bash"] += 1  # error
