from pyebpf import Array, struct, u8, u32, xdp


@struct
class Row:
    values: u8[2]


rows = Array[Row](max_entries=1)


@xdp
def probe(packet):
    rows[0].values = u8[2](1, packet.load(0, u32))  # error
