from pyebpf import Hash, tracepoint, u64

counts = Hash[u64, u64](max_entries=1024)


@tracepoint("raw_syscalls:sys_exit")
def probe(ctx):
    counts[ctx.idd] += 1  # error
