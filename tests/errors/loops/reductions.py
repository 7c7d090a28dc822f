from pyebpf import Array, LpmTrie, IPv4Network, comm, struct, tracepoint, u8, u32, u64


@struct
class Point:
    x: u32


cells = Array[u64](max_entries=8)
points = Array[Point](max_entries=8)
counts = LpmTrie[IPv4Network, u8](max_entries=8)


@tracepoint("raw_syscalls:sys_enter")
def probe(ctx):
    cells[0] = sum()  # error
    cells[0] = sum(7)  # error
    cells[0] = sum(cells, 1, 2)  # error
    cells[0] = sum(cells, 1, start=2)  # error
    cells[0] = sum(points)  # error
    cells[0] = max(comm() for x in cells)  # error
    cells[0] = min(cells, key=abs)  # error
    cells[0] = sum(y for x in cells)  # error
    cells[0] = any(x for x in counts)  # error
    cells[0] = max((x for x in cells if x > 2), default=comm())  # error
