from pyebpf import XDP, function, struct, u8, xdp


@struct
class Row:
    values: u8[4]


@function
def filled(row, number):
    row.values[0] = number
    return row


@xdp
def probe(packet):
    row = Row()
    filled(row, packet.load(0, u8)).values[0] += 3  # error
    return XDP.DROP if row.values[0] else XDP.PASS
