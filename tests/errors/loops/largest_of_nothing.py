from pyebpf import Array, tracepoint, u64

cells = Array[u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if max((x for x in cells if x > 2), default=None) > 2:  # error
        cells[0] = 1
