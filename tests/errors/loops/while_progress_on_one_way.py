from pyebpf import Array, pid, tracepoint, u64

cells = Array[u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    n = 4
    while n > 0:  # error
        if pid() == 1:
            n -= 1
        cells[0] += 1
