from pyebpf import Array, tracepoint, u32, u64

cells = Array[u64](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    doubled = (x * 2 for x in cells)  # error
    cells[0] = max(1, (x for x in cells))  # error
    cells[1] = len(x for x in cells)  # error
    for y in (x for x in cells):  # error
        cells[2] = y
    cells[3] = sum(x for x in cells) + x  # error
    if 3 in (x for x in cells):  # error
        cells[4] = 1
