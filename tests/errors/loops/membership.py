from pyebpf import Array, comm, struct, tracepoint, u32, u64


@struct
class Point:
    x: u32


cells = Array[u64](max_entries=8)
points = Array[Point](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    if comm() in cells:  # error
        cells[0] = 1
    if "a" in range(3):  # error
        cells[0] = 2
    if ctx.id in u64:  # error
        cells[0] = 3
    if ctx.id in points:  # error
        cells[0] = 4
    if ctx.id in enumerate(cells):  # error
        cells[0] = 5
    cells[1] = len(zip(cells, cells))  # error
