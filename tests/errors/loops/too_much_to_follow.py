from pyebpf import XDP, Global, Hash, struct, u32, u64, xdp

@struct
class Row:
    count: u64

table = Hash[u32, Row](max_entries=64)
found = Global[u64](0)

@xdp
def probe(packet):
    a, b, c, d, e, f = table.get(0), table.get(1), table.get(2), table.get(3), table.get(4), table.get(5)
    g, h, i, j, k, l = table.get(6), table.get(7), table.get(8), table.get(9), table.get(10), table.get(11)
    m, n, o, p, q, r = table.get(12), table.get(13), table.get(14), table.get(15), table.get(16), table.get(17)
    for row in (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r):
        if row is not None:
            found.value += 1
    for row in (r, q, p, o, n, m, l, k, j, i, h, g, f, e, d, c, b, a):
        if row is not None:
            row.count += found.value  # error
    return XDP.PASS
