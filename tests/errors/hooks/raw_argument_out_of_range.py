from pyebpf import Hash, raw_tracepoint, u64

counts = Hash[u64, u64](max_entries=1024)


@raw_tracepoint("sys_enter")
def probe(ctx):
    counts[ctx.args[2]] += 1  # error
