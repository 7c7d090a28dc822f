from pyebpf import Array, struct, u32, xdp


@struct
class Row:
    values: u32[8]


rows = Array[Row](max_entries=1)


@xdp
def probe(packet):
    row = rows[0]
    count = min(len(packet), 4)
    if row.values[:count] == row.values[4:8]:  # error
        row.values[0] = 1
    first = row.values[packet.load(0, u32) % 4 : count]  # error
    row.values[0] = first[0]
