from pyebpf import Array, tracepoint, u64

cells = Array[u64](max_entries=8, mapable=True)  # error


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    cells[0] += 1
