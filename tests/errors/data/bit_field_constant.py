from pyebpf import Array, bits, i8, struct, u8, xdp


@struct
class Row:
    small: u8 = bits(3)
    flag: bool = bits(1)
    one: i8 = bits(1)


rows = Array[Row](max_entries=1)


@xdp
def probe(packet):
    row = rows[0]
    row.small = 8  # error
    row.small = -1  # error
    row.one = 1  # error
    row.flag = 1  # error
    row.one = -1
