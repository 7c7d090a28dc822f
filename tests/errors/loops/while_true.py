from pyebpf import Array, pid, tracepoint, u64

cells = Array[u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    while True:  # error
        cells[pid() & 7] += 1
