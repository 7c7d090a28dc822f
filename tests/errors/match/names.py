from pyebpf import Hash, comm, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    match ctx.id:
        case 1 as one:
            counts[0] = one
        case 2:
            counts[0] = one  # error
        case x if x > 7 and x < end:  # error
            counts[0] = 3
    counts[1] = x
    match counts.get(1):
        case None:
            counts[0] = 4
        case n if n > 4:
            last = n
        case (5 | 6) as last:
            counts[0] = last
    counts[2] = last  # error
    n = 3
    match comm():
        case "bash":
            counts[0] = 5
        case n:  # error
            counts[0] = 6
