from pyebpf import Array, Global, tracepoint, u32, u64

cells = Array[u64](max_entries=8)
n = Global[u32](1)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for i in reversed(range(n.value)):  # error
        cells[0] = i
    for i, j in enumerate(range(1, n.value)):  # error
        cells[0] = i + j
    for i, j in zip(range(n.value), range(0, n.value, 2)):  # error
        cells[0] = i + j
