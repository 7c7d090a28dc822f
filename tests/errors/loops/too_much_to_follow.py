from pyebpf import XDP, Global, Hash, u32, u64, xdp

table = Hash[u32, u64](max_entries=64)
found = Global[u64](0)
total = Global[u64](0)

@xdp
def probe(packet):
    a, b, c, d, e = table.get(0), table.get(1), table.get(2), table.get(3), table.get(4)
    f, g, h, i, j = table.get(5), table.get(6), table.get(7), table.get(8), table.get(9)
    k, l, m, n, o = table.get(10), table.get(11), table.get(12), table.get(13), table.get(14)
    for entry in (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o):
        if entry is not None:
            found.value += 1
    for entry in (a, b, c, d, e, f, g, h, i, j, k, l, m, n, o):
        if entry is not None:
            total.value += entry
    return XDP.PASS
