from pyebpf import Hash, cpu, tracepoint, u64

counts = Hash[u64, u64](max_entries=1024)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    counts[ctx.args[cpu()]] += 1  # error
