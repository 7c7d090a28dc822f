from pyebpf import XDP, Global, Hash, struct, u32, u64, xdp

@struct
class Row:
    count: u64

table = Hash[u32, Row](max_entries=64)
found = Global[u64](0)

@xdp
def probe(packet):
    a, b, c, d, e = table.get(0), table.get(1), table.get(2), table.get(3), table.get(4)
    f, g, h, i, j = table.get(5), table.get(6), table.get(7), table.get(8), table.get(9)
    k, l, m, n, o = table.get(10), table.get(11), table.get(12), table.get(13), table.get(14)
    for row in (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o):
        if row is not None:
            found.value += 1
    for row in (o, n, m, l, k, j, i, h, g, f, e, d, c, b, a):
        if row is not None:
            row.count += found.value
    return XDP.PASS
