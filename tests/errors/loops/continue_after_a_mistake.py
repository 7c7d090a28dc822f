from pyebpf import XDP, Array, struct, u64, xdp

@struct
class Row:
    v: u64[8]

rows = Array[Row](max_entries=1)

@xdp
def probe(packet):
    row = rows[0]
    total = 0
    for i in range(row.v[0] & 3):
        try:
            total += any(row.v[0] in row.v for n in (row, sum(max(m, 1) for m in (total, 3))) if not total > 3)  # error
        except KeyError:
            pass
        if total < row.e:  # error
            continue
    return XDP.PASS
