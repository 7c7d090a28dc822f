from pyebpf import Array, struct, u32, xdp


@struct
class Row:
    values: u32[8]


rows = Array[Row](max_entries=1)


@xdp
def probe(packet):
    row = rows[0]
    if row.values[8:12] == row.values[0:4]:  # error
        row.values[0] = 1
    row.values[3:2] = row.values[0:1]  # error
    row.values[::0] = row.values  # error
    row.values[::2] = u32[4]()  # error
