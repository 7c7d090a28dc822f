from pyebpf import Hash, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    match ctx.id, 3:
        case (1, x) | (y, 2):  # error
            counts[0] = x
