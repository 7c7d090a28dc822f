from pyebpf import Array, struct, u8, u32, xdp


@struct
class Row:
    values: u32[8]


rows = Array[Row](max_entries=1)


@xdp
def probe(packet):
    row = rows[0]
    at = packet.load(0, u8)
    row.values[at : at + 9] = row.values[0:8]  # error
