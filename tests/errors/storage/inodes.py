from pyebpf import InodeStorage, raw_tracepoint, u64

counts = InodeStorage[u64]()


@raw_tracepoint("sys_enter")
def probe(ctx):
    counts[ctx.args[0]] += 1  # error
