from pyebpf import Hash, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    match ctx.id:
        case x:  # error
            counts[0] = x
        case 2:
            counts[0] = 2
