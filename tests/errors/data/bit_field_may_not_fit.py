from pyebpf import Array, bits, i8, struct, u8, xdp


@struct
class Row:
    small: u8 = bits(3)
    signed: i8 = bits(4)


rows = Array[Row](max_entries=1)


@xdp
def probe(packet):
    row = rows[0]
    row.small = packet.load(0, u8)  # error
    row.small += 1  # error
    row.signed = packet.load(0, i8)  # error
    row.signed = row.small  # fits: 0 to 7
