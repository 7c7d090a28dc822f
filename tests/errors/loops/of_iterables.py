from pyebpf import Array, tracepoint, u64

cells = Array[u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    for i, x in enumerate(cells, step=2):  # error
        cells[i] = x
    for i, x in enumerate():  # error
        cells[i] = x
    for x, y in zip(cells, cells, strict=True):  # error
        cells[x % 8] = y
    for x in reversed(cells, cells):  # error
        cells[0] = x
    for x, y, z in zip(cells, range(8)):  # error
        cells[y] = x + z
    for x in range(8, stop=9):  # error
        cells[0] = x
