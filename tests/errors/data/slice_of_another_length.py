from pyebpf import Array, struct, u16, u32, xdp


@struct
class Row:
    values: u32[8]
    small: u16[8]


rows = Array[Row](max_entries=1)


@xdp
def probe(packet):
    row = rows[0]
    row.values[0:4] = row.values[0:5]  # error
    row.values[0:4] = row.small[0:4]  # error
    row.values[0:4] = 0  # error
    if row.values[0:4] == row.values[0:5]:  # error
        row.values[0] = 1
    del row.values[0:4]  # error
