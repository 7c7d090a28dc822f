from pyebpf import Hash, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    match ctx.id, 2:
        case {"a": 1}:  # error
            counts[0] = 1
        case [first, *rest]:  # error
            counts[0] = 2
        case 1.5, 2:  # error
            counts[0] = 3
        case {**everything}:  # error
            counts[0] = 4
