from pyebpf import Array, tracepoint, u64

cells = Array[u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    rounds = range(8)  # error
    for i in rounds:
        cells[i] += 1
