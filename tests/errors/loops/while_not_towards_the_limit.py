from pyebpf import Array, tracepoint, u64

cells = Array[u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    n = 4
    while n < 8:  # error
        cells[0] += 1
        n -= 1
