from pyebpf import Array, struct, u32, xdp


@struct
class Row:
    values: u32[4]


rows = Array[Row](max_entries=1)


@xdp
def probe(packet):
    row = rows[0]
    row.values = u32[4](1, 2, 3)  # error
    row.values = u32[4](1, 2, 3, 4, 5)  # error
    row.values = u32[4](1, 2, 3, -1)  # error
    row.values = u32[4](first=1)  # error
