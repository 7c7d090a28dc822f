from pyebpf import Hash, tracepoint, u32, u64

counts = Hash[u32, u64](max_entries=16)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for i in range(8):
        if i in counts:
            break
            counts[i] = 1  # warning
        if i == 5:
            continue
            counts[i] = 2  # warning
    try:
        raise KeyError("no")
        counts[1] = 1  # warning
    except KeyError:
        pass
