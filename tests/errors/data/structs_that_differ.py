from pyebpf import Array, struct, u32, u64, xdp


@struct
class Row:
    a: u32
    b: u32


@struct
class Column:
    a: u32
    b: u32


rows = Array[Row](max_entries=1)


@xdp
def probe(packet):
    row = rows[0]
    if row == Column():  # error
        row.a = 1
    if row < Row(a=1):  # error
        row.a = 2
    if row == 1:  # error
        row.a = 3
